#include "transport/listener_usage.hpp"

#include <algorithm>

namespace forgepool::transport {

bool RequestRate::take(Time now) {
  if (per_second_ == 0) return true;
  const std::chrono::duration<double> passed = now - refilled_at_;
  left_ = std::min(per_second_, left_ + std::max(passed.count(), 0.0) * per_second_);
  refilled_at_ = now;
  if (left_ >= 1) {
    left_ -= 1;
    return true;
  }
  next_ = now + std::chrono::ceil<Duration>(std::chrono::duration<double>((1 - left_) / per_second_));
  return false;
}

std::optional<std::string> ListenerUsage::begin(const SocketAddress& from) {
  const auto full = [](const char* name, std::uint32_t limit) {
    return std::string(name) + ": the limit of " + std::to_string(limit) + " is reached";
  };
  if (connections_ >= limits_.max_connections) return full("max_connections", limits_.max_connections);
  const auto found = addresses_.find(from.site());
  if (found != addresses_.end() && found->second.connections >= limits_.max_connections_per_address)
    return full("max_connections_per_address", limits_.max_connections_per_address);
  if (found != addresses_.end() && found->second.handshakes >= limits_.max_handshakes_per_address)
    return full("max_handshakes_per_address", limits_.max_handshakes_per_address);
  AddressUsage& usage = addresses_[from.site()];
  ++usage.connections, ++usage.handshakes;
  ++connections_, ++handshakes_;
  return std::nullopt;
}

void ListenerUsage::handshake_over(const SocketAddress& from) {
  --addresses_.at(from.site()).handshakes;
  --handshakes_;
}

void ListenerUsage::end(const SocketAddress& from) {
  --connections_;
  const auto found = addresses_.find(from.site());
  if (--found->second.connections == 0) addresses_.erase(found);
}

std::shared_ptr<PeerUsage> ListenerUsage::enter(const std::string& peer) {
  auto& usage = peers_[peer];
  if (!usage) usage = std::make_shared<PeerUsage>(limits_.max_requests_per_second);
  if (usage->connections >= limits_.max_connections_per_peer) return nullptr;
  ++usage->connections;
  return usage;
}

void ListenerUsage::leave(const std::string& peer) {
  const auto found = peers_.find(peer);
  if (--found->second->connections == 0) peers_.erase(found);
}

}  // namespace forgepool::transport
