#pragma once
/// Who uses how much of a listener: connections and handshakes per address, connections, requests and memory per peer. Decides
/// who finds a place. No I/O, no clock.
#include "transport/socket_address.hpp"

#include <forgepool/transport.hpp>

#include <memory>
#include <optional>
#include <set>
#include <unordered_map>

namespace forgepool::transport {

/// Lets `per_second` requests through, and as many at once after a second of rest.
class RequestRate {
 public:
  /// 0: any number.
  explicit RequestRate(std::uint32_t per_second) : per_second_(per_second), left_(per_second) {}

  bool take(Time now);
  /// When the next one may come, after `take` returned false.
  Time next() const { return next_; }

 private:
  const double per_second_;
  double left_;
  Time refilled_at_{};
  Time next_{};
};

class QuicServerSession;

/// Memory that connections of one peer hold together: messages from their first byte on, on servers also requests in handlers
/// and responses that were not taken.
struct HeldBytes {
  std::size_t bytes = 0;
};

/// One peer, over all its connections. A peer is a key; without a certificate, an address.
struct PeerUsage {
  explicit PeerUsage(std::uint32_t requests_per_second) : rate(requests_per_second) {}
  std::uint32_t connections = 0;
  std::size_t used_bytes = 0;  ///< Of requests in handlers and responses not yet taken,
  /// and with them of requests that arrive.
  const std::shared_ptr<HeldBytes> held = std::make_shared<HeldBytes>();
  std::set<QuicServerSession*> waiting;  ///< Those of its connections that wait until `used_bytes` falls.
  RequestRate rate;
};

class ListenerUsage {
 public:
  explicit ListenerUsage(const TransportLimits& limits) : limits_(limits) {}

  /// Whether newcomers are to prove their address first.
  bool crowded() const { return limits_.retry_above_handshakes == 0 || handshakes_ > limits_.retry_above_handshakes; }

  /// A handshake begins: nothing if it found a place, else why not, beginning with the name of the limit.
  std::optional<std::string> begin(const SocketAddress& from);
  void handshake_over(const SocketAddress& from);
  /// The connection is gone; its handshake was over before.
  void end(const SocketAddress& from);

  /// The peer's usage, with one more connection; null if it has too many.
  std::shared_ptr<PeerUsage> enter(const std::string& peer);
  void leave(const std::string& peer);

 private:
  struct AddressUsage {
    std::uint32_t connections = 0, handshakes = 0;
  };
  const TransportLimits limits_;
  std::uint32_t connections_ = 0, handshakes_ = 0;
  std::unordered_map<std::string, AddressUsage> addresses_;
  std::unordered_map<std::string, std::shared_ptr<PeerUsage>> peers_;
};

}  // namespace forgepool::transport
