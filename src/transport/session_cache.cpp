#include "transport/session_cache.hpp"

#include <algorithm>

namespace forgepool::transport {

void SessionCache::put(const Key& key, bssl::UniquePtr<SSL_SESSION> session, Time expires) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.key == key; });
  if (entries_.size() >= max_sessions) entries_.pop_front();
  entries_.push_back({key, std::move(session), expires});
}

bssl::UniquePtr<SSL_SESSION> SessionCache::take(const Key& key, Time now) {
  const auto found = std::ranges::find(entries_, key, &Entry::key);
  if (found == entries_.end()) return nullptr;
  auto session = found->expires > now ? std::move(found->session) : nullptr;
  entries_.erase(found);
  return session;
}

}  // namespace forgepool::transport
