#include "transport/memory_network.hpp"

namespace forgepool {

Result<std::uint16_t> MemoryNetwork::add(const std::string& address, std::uint16_t port, ListenerHandle listener) {
  const std::lock_guard lock(mutex_);
  if (port == 0) {
    for (port = 49152; listeners_.contains({address, port}); ++port)
      if (port == 65535) return fail(ErrorKind::unavailable, "no free port at the in-memory address " + address);
  }
  if (!listeners_.try_emplace({address, port}, std::move(listener)).second)
    return fail(ErrorKind::unavailable,
                "somebody listens at the in-memory address " + address + ":" + std::to_string(port) + " already");
  return port;
}

void MemoryNetwork::remove(const std::string& address, std::uint16_t port) {
  const std::lock_guard lock(mutex_);
  listeners_.erase({address, port});
}

std::optional<MemoryNetwork::ListenerHandle> MemoryNetwork::find(const std::string& address, std::uint16_t port) const {
  const std::lock_guard lock(mutex_);
  const auto found = listeners_.find({address, port});
  if (found == listeners_.end()) return std::nullopt;
  return found->second;
}

transport::MemoryConnectionId MemoryNetwork::next_connection() {
  const std::lock_guard lock(mutex_);
  return ++last_connection_;
}

std::shared_ptr<MemoryNetwork> make_memory_network() {
  return std::make_shared<MemoryNetwork>();
}

}  // namespace forgepool
