#include "disk_image.hpp"

#include <algorithm>

namespace forgepool::simulation {
namespace {

constexpr std::size_t sector_bytes = 512;

}  // namespace

void DiskImage::apply(const Change& change) {
  if (change.truncates) {
    durable_.resize(std::min(durable_.size(), change.at));
    return;
  }
  if (durable_.size() < change.at + change.bytes.size()) durable_.resize(change.at + change.bytes.size());
  std::ranges::copy(change.bytes, durable_.begin() + static_cast<std::ptrdiff_t>(change.at));
}

void DiskImage::apply_some_sectors(const Change& change, testing::Random& random) {
  for (std::size_t begin = 0; begin < change.bytes.size();) {
    const std::size_t end = std::min(change.bytes.size(), ((change.at + begin) / sector_bytes + 1) * sector_bytes - change.at);
    if (random.chance(0.5))
      apply({change.at + begin,
             Bytes(change.bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                   change.bytes.begin() + static_cast<std::ptrdiff_t>(end)),
             false});
    begin = end;
  }
}

void DiskImage::sync() {
  for (const auto& change : pending_) apply(change);
  pending_.clear();
}

std::uint64_t DiskImage::crash(testing::Random& random) {
  std::uint64_t hurt = 0;
  for (const auto& change : pending_) {
    const auto fate = random.below(3);
    hurt += fate != 0;
    if (fate == 0) apply(change);
    if (fate == 1 && !change.truncates) apply_some_sectors(change, random);
  }
  pending_.clear();
  return hurt;
}

}  // namespace forgepool::simulation
