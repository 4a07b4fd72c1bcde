#pragma once
/// What the listeners and connections of one QUIC transport have in common; they may outlive the transport object.
#include "transport/http3.hpp"
#include "transport/udp_socket.hpp"

#include <forgepool/backends/quic_transport.hpp>

#include <algorithm>

namespace forgepool::transport {

struct QuicShared {
  QuicShared(EventLoop& l, QuicTransportOptions o);

  QuicSettings settings(const TransportLimits& limits) const;
  Http3Limits http_limits(const TransportLimits& limits, std::size_t max_body_bytes) const;

  EventLoop& loop;
  const QuicTransportOptions options;
  const std::shared_ptr<PacketBuffers> buffers = std::make_shared<PacketBuffers>();
  const std::shared_ptr<SessionCache> sessions = std::make_shared<SessionCache>();
  ResetSecret reset_secret;
};

Result<std::unique_ptr<Listener>> make_quic_listener(std::shared_ptr<const QuicShared> shared, ListenOptions options);
Result<std::unique_ptr<Connection>> make_quic_connection(std::shared_ptr<const QuicShared> shared, ConnectOptions options);

}  // namespace forgepool::transport
