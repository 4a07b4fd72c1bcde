#include "transport/quic_shared.hpp"

namespace forgepool {
namespace transport {
namespace {

QuicTransportOptions within_bounds(QuicTransportOptions options) {
  // Every path carries 1,200 bytes (RFC 9000, section 14); no IPv4 datagram holds more than 65,507.
  options.max_datagram_bytes = std::clamp<std::size_t>(options.max_datagram_bytes, 1200, 65507);
  options.window_bytes = std::clamp<std::size_t>(options.window_bytes, 64u << 10, 1u << 30);
  return options;
}

class QuicTransport final : public Transport {
 public:
  QuicTransport(EventLoop& loop, QuicTransportOptions options)
      : shared_(std::make_shared<QuicShared>(loop, std::move(options))) {}

  Result<std::unique_ptr<Listener>> listen(ListenOptions options) override {
    return make_quic_listener(shared_, std::move(options));
  }
  Result<std::unique_ptr<Connection>> connect(ConnectOptions options) override {
    return make_quic_connection(shared_, std::move(options));
  }

 private:
  const std::shared_ptr<const QuicShared> shared_;
};

}  // namespace

QuicShared::QuicShared(EventLoop& l, QuicTransportOptions o) : loop(l), options(within_bounds(std::move(o))) {
  if (options.reset_secret.empty()) {
    RAND_bytes(reset_secret.data(), reset_secret.size());
    return;
  }
  Bytes labelled = to_bytes("forgepool quic stateless reset\n");
  labelled.insert(labelled.end(), options.reset_secret.begin(), options.reset_secret.end());
  reset_secret = sha256(labelled).bytes;
}

QuicSettings QuicShared::settings(const TransportLimits& limits) const {
  // Where only small messages are taken, nobody needs to be able to fill a large window.
  const std::size_t needed =
      std::max<std::size_t>(256u << 10, 4 * std::max(limits.max_request_bytes, limits.max_response_bytes));
  return {.max_datagram_bytes = options.max_datagram_bytes,
          .window_bytes = std::min(options.window_bytes, needed),
          .max_streams = limits.max_concurrent_requests,
          .handshake_timeout = limits.handshake_timeout,
          .idle_timeout = limits.idle_timeout,
          .wall_offset = loop.now() - loop.steady(),
          .reset_secret = reset_secret};
}

Http3Limits QuicShared::http_limits(const TransportLimits& limits, std::size_t max_body_bytes) const {
  return {.max_header_bytes = limits.max_header_bytes,
          .max_body_bytes = max_body_bytes,
          .max_held_bytes = max_body_bytes + options.window_bytes,
          .request_timeout = limits.request_timeout};
}

}  // namespace transport

std::unique_ptr<Transport> make_quic_transport(EventLoop& loop, QuicTransportOptions options) {
  return std::make_unique<transport::QuicTransport>(loop, std::move(options));
}

}  // namespace forgepool
