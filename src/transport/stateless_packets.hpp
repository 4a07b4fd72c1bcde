#pragma once
/// Answers of a listener to packets that belong to no connection. Each writes one datagram and returns its size, 0 for none;
/// none is larger than what it answers, so that a listener amplifies nothing.
#include "transport/quic_connection.hpp"

namespace forgepool::transport {

using DatagramBuffer = std::array<std::uint8_t, 1200>;

/// To a QUIC version that we do not speak (RFC 9000, section 6).
std::size_t write_version_negotiation(DatagramBuffer& out, const ngtcp2_version_cid& received, std::size_t received_bytes);
/// To a packet of a connection that we have forgotten (RFC 9000, section 10.3), so that the peer need not wait for its timeout.
std::size_t write_stateless_reset(DatagramBuffer& out, const ResetSecret& secret, ByteView connection_id,
                                  std::size_t received_bytes);
/// To a first packet while there is much to do: come again with this token, which shows that the address is yours (RFC 9000,
/// section 8.1.2). Nothing is remembered.
std::size_t write_retry(DatagramBuffer& out, const ResetSecret& secret, const ngtcp2_pkt_hd& initial,
                        const SocketAddress& remote, Time now);
/// What the token in a first packet says.
struct RetryToken {
  enum class Verdict { none, valid, invalid };  ///< invalid: not ours, another address's, or older than 10 s.
  Verdict verdict = Verdict::none;
  ngtcp2_cid original_id{};  ///< valid: the id that the client first chose.
};
RetryToken check_retry_token(const ResetSecret& secret, const ngtcp2_pkt_hd& initial, const SocketAddress& remote, Time now);
/// To a first packet with an invalid token.
std::size_t write_invalid_token(DatagramBuffer& out, const ngtcp2_pkt_hd& initial);
/// To a client that finds no place.
std::size_t write_connection_refused(DatagramBuffer& out, const ngtcp2_pkt_hd& initial);

}  // namespace forgepool::transport
