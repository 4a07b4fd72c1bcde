#pragma once
/// The QUIC transport through its public interface: full mutual TLS, HTTP/3, a handler that echoes.
#include <cstddef>

namespace bench {

/// Megabytes (10^6) per second each way through one connection: requests of `message_bytes` each on a stream of its own,
/// `in_flight` at once; each is answered once it has arrived whole.
double quic_echo_mb_per_s(std::size_t message_bytes, unsigned in_flight, std::size_t total_bytes);

struct Requests {
  double per_s = 0;
  double p50_us = 0, p99_us = 0;
};
Requests quic_requests(std::size_t message_bytes, unsigned in_flight, double seconds);

/// Connections made, used for one request, and closed, `in_flight` at once.
double quic_handshakes_per_s(unsigned in_flight, double seconds);

}  // namespace bench
