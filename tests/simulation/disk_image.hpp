#pragma once
/// What one file is on a disk: what is durable, and what was done to it since.
#include <forgepool/bytes.hpp>
#include <forgepool/testing/random.hpp>

#include <vector>

namespace forgepool::simulation {

class DiskImage {
 public:
  DiskImage() = default;
  explicit DiskImage(Bytes durable) : durable_(std::move(durable)) {}

  void write(std::size_t offset, ByteView bytes) { pending_.push_back({offset, Bytes(bytes.begin(), bytes.end()), false}); }
  void truncate(std::size_t size) { pending_.push_back({size, {}, true}); }
  void sync();

  /// The machine dies: what is left becomes what is durable. Returns how many changes were lost or torn.
  std::uint64_t crash(testing::Random& random);
  const Bytes& durable() const { return durable_; }

 private:
  struct Change {
    std::size_t at = 0;
    Bytes bytes;
    bool truncates = false;
  };
  void apply(const Change& change);
  void apply_some_sectors(const Change& change, testing::Random& random);

  Bytes durable_;
  std::vector<Change> pending_;
};

}  // namespace forgepool::simulation
