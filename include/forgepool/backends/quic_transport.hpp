#pragma once
/// QUIC (RFC 9000), TLS 1.3 only, HTTP/3 (RFC 9114): one stream per request. Any HTTP/3 client with a certificate that the
/// PeerCheck accepts can talk to a listener.
#include <forgepool/event_loop.hpp>
#include <forgepool/log.hpp>
#include <forgepool/transport.hpp>

namespace forgepool {

struct QuicTransportOptions {
  /// UDP payload of a datagram. 1,452 fits every path with an Ethernet MTU; larger is faster on paths that carry it.
  std::size_t max_datagram_bytes = 1452;
  /// Segmentation offloads (GSO, GRO) of the kernel. Off is 3 to 5 times slower; for kernels without them.
  bool offload = true;
  /// Flow-control window of a connection and of a stream: memory a peer may make us hold.
  std::size_t window_bytes = 16u << 20;
  /// A secret of the node that it keeps across restarts. Peers of a restarted listener then learn at once that their connection
  /// is gone, instead of after `idle_timeout` (stateless reset). Empty: a random one.
  Bytes reset_secret;
  /// How long a TLS session may be resumed, which saves both sides signatures and half a millisecond. The PeerCheck sees
  /// resumed peers like new ones, and there is no early data. Zero: no resumption.
  Duration session_life = std::chrono::hours(1);
  std::shared_ptr<LogSink> log;  ///< Refused peers with the reason, and broken connections. Null: nothing is logged.
};

/// `loop` must outlive the transport and everything made with it.
FORGEPOOL_API std::unique_ptr<Transport> make_quic_transport(EventLoop& loop, QuicTransportOptions options = {});

}  // namespace forgepool
