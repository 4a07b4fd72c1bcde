#pragma once
/// What ngtcp2 1.24 has and 1.11, the oldest that does, has under another name or not at all. Included by quic_libraries.hpp
/// alone.
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace forgepool::transport {

using WritePacket = ngtcp2_ssize(ngtcp2_conn*, ngtcp2_path*, ngtcp2_pkt_info*, std::uint8_t* out, std::size_t size,
                                 ngtcp2_tstamp at, void* user);

#if NGTCP2_VERSION_NUM >= 0x011800

template <auto function>
void set_new_connection_id(ngtcp2_callbacks& callbacks) {
  callbacks.get_new_connection_id2 = function;
}
template <auto function>
void set_reset_received(ngtcp2_callbacks& callbacks) {
  callbacks.recv_stateless_reset2 = function;
}
inline void set_path_challenge(ngtcp2_callbacks& callbacks) {
  callbacks.get_path_challenge_data2 = ngtcp2_crypto_get_path_challenge_data2_cb;
}
/// Packets of one size, but for the last, in one buffer. `user` is what the connection was made with.
inline ngtcp2_ssize write_batch(ngtcp2_conn* connection, ngtcp2_path* path, ngtcp2_pkt_info* info, std::uint8_t* out,
                                std::size_t size, std::size_t* segment_size, WritePacket* write, ngtcp2_tstamp at,
                                void* /*user*/) {
  return ngtcp2_conn_write_aggregate_pkt(connection, path, info, out, size, segment_size, write, at);
}

#else

// Packets are then of unlike sizes, so that fewer go out in one call.
#define NGTCP2_WRITE_STREAM_FLAG_PADDING 0u

struct ngtcp2_stateless_reset_token {
  std::uint8_t data[NGTCP2_STATELESS_RESET_TOKENLEN];
};
using ngtcp2_pkt_stateless_reset2 = ngtcp2_pkt_stateless_reset;

template <auto function>
void set_new_connection_id(ngtcp2_callbacks& callbacks) {
  callbacks.get_new_connection_id = [](ngtcp2_conn* connection, ngtcp2_cid* id, std::uint8_t* out, std::size_t size,
                                       void* user) {
    ngtcp2_stateless_reset_token token{};
    const int result = function(connection, id, &token, size, user);
    std::copy(std::begin(token.data), std::end(token.data), out);
    return result;
  };
}
template <auto function>
void set_reset_received(ngtcp2_callbacks& callbacks) {
  callbacks.recv_stateless_reset = function;
}
inline void set_path_challenge(ngtcp2_callbacks& callbacks) {
  callbacks.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
}

inline int ngtcp2_conn_is_server2(ngtcp2_conn* connection) {
  return ngtcp2_conn_is_server(connection);
}
inline const ngtcp2_ccerr* ngtcp2_conn_get_ccerr2(ngtcp2_conn* connection) {
  return ngtcp2_conn_get_ccerr(connection);
}
inline std::uint8_t ngtcp2_conn_get_tls_alert2(ngtcp2_conn* connection) {
  return ngtcp2_conn_get_tls_alert(connection);
}
inline ngtcp2_duration ngtcp2_conn_get_pto2(ngtcp2_conn* connection) {
  return ngtcp2_conn_get_pto(connection);
}
inline ngtcp2_tstamp ngtcp2_conn_get_expiry2(ngtcp2_conn* connection) {
  return ngtcp2_conn_get_expiry(connection);
}
inline std::uint64_t ngtcp2_conn_get_max_data_left2(ngtcp2_conn* connection) {
  return ngtcp2_conn_get_max_data_left(connection);
}
inline std::uint64_t ngtcp2_conn_get_streams_bidi_left2(ngtcp2_conn* connection) {
  return ngtcp2_conn_get_streams_bidi_left(connection);
}
inline const ngtcp2_transport_params* ngtcp2_conn_get_remote_transport_params2(ngtcp2_conn* connection) {
  return ngtcp2_conn_get_remote_transport_params(connection);
}
inline ngtcp2_ssize ngtcp2_pkt_write_stateless_reset2(std::uint8_t* out, std::size_t size,
                                                      const ngtcp2_stateless_reset_token* token, const std::uint8_t* random,
                                                      std::size_t random_size) {
  return ngtcp2_pkt_write_stateless_reset(out, size, token->data, random, random_size);
}

/// A batch of one packet. Whoever writes goes on until nothing is written.
inline ngtcp2_ssize write_batch(ngtcp2_conn* connection, ngtcp2_path* path, ngtcp2_pkt_info* info, std::uint8_t* out,
                                std::size_t size, std::size_t* segment_size, WritePacket* write, ngtcp2_tstamp at, void* user) {
  const auto most = std::min(size, ngtcp2_conn_get_max_tx_udp_payload_size(connection));
  const ngtcp2_ssize written = write(connection, path, info, out, most, at, user);
  if (written > 0) *segment_size = static_cast<std::size_t>(written);
  return written;
}

#endif

}  // namespace forgepool::transport
