#pragma once
/// What the QUIC transport is measured against, over loopback: a plain TCP connection (the floor), and mutual TLS 1.3 over TCP
/// with the same library, ciphers and kind of key (the peer that most would pick instead). Bytes are echoed as they come; no
/// framing.
#include <cstddef>

namespace bench {

enum class Tcp { plain, tls };

/// Both directions busy. Megabytes (10^6) per second, each way.
double tcp_echo_mb_per_s(Tcp kind, std::size_t total_bytes);
/// Messages that are echoed one after the other, per second.
double tcp_requests_per_s(Tcp kind, std::size_t message_bytes, double seconds);
/// Connections per second, each with one byte echoed. Certificates are exchanged and signatures checked; chains are not judged.
double tcp_handshakes_per_s(Tcp kind, double seconds);

}  // namespace bench
