#pragma once
/// Adapters an agent has fetched and checked, by digest, the least recently used dropped first. Loop thread only.
#include <forgepool/adapter.hpp>

#include <list>
#include <unordered_map>

namespace forgepool::agent {

class AdapterCache {
 public:
  explicit AdapterCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Null if it is not there.
  std::shared_ptr<const AdapterPackage> find(const Digest& digest);
  void add(std::shared_ptr<const AdapterPackage> package);

 private:
  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::list<std::shared_ptr<const AdapterPackage>> recent_;  ///< Most recently used first.
  std::unordered_map<Digest, std::list<std::shared_ptr<const AdapterPackage>>::iterator> by_digest_;
};

}  // namespace forgepool::agent
