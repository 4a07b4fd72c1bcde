#pragma once
/// Parts of bench_ledger.
#include <forgepool/ledger.hpp>

#include <fmt/core.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>

namespace forgepool::bench {

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "bench_ledger: {}\n", result.error().message);
  std::exit(1);
}

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// A folder that is gone with its object; on the file system of the current folder, for /tmp may be memory.
class Folder {
 public:
  Folder();
  Folder(const Folder&) = delete;
  ~Folder();
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

double median(std::vector<double> values);

/// As long as a receipt's leaf, and all different.
inline constexpr std::size_t leaf_bytes = 430;
LedgerBatch batch_of(std::size_t leaves);

std::shared_ptr<Signer> bench_key();
std::unique_ptr<Ledger> open_tiles(const std::string& path);
/// A tile ledger of `size` leaves, of which only what proofs of the leaves `proved` and the next appends need is on the disk:
/// all leaves are alike, and so are all full tiles of a level.
std::unique_ptr<Ledger> open_sparse(const std::string& path, std::uint64_t size, const std::vector<std::uint64_t>& proved);

/// Durable leaves per second of `leaves`, committed by several threads in batches that are grouped.
double leaves_per_second(Ledger& ledger, std::size_t leaves);
/// The floor: a plain SQLite table, WAL and synchronous=FULL, in transactions of as many rows as a group has.
double sqlite_inserts_per_second(const std::string& path, std::size_t leaves);

/// Seconds that the offline verification of an honest job of `shards` shards, computed twice each, takes.
struct BundleFigures {
  double verify_s = 0;
  std::size_t bytes = 0;
  std::uint32_t receipts = 0;
};
BundleFigures verify_bundle_of(std::uint32_t shards);

}  // namespace forgepool::bench
