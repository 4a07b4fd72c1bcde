#include "agent/adapter_cache.hpp"

namespace forgepool::agent {

std::shared_ptr<const AdapterPackage> AdapterCache::find(const Digest& digest) {
  const auto found = by_digest_.find(digest);
  if (found == by_digest_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second);
  return *found->second;
}

void AdapterCache::add(std::shared_ptr<const AdapterPackage> package) {
  if (by_digest_.contains(package->digest())) return;
  bytes_ += package->bytes().size();
  recent_.push_front(std::move(package));
  by_digest_.emplace(recent_.front()->digest(), recent_.begin());
  while (bytes_ > max_bytes_ && recent_.size() > 1) {
    bytes_ -= recent_.back()->bytes().size();
    by_digest_.erase(recent_.back()->digest());
    recent_.pop_back();
  }
}

}  // namespace forgepool::agent
