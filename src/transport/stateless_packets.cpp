#include "transport/stateless_packets.hpp"

#include <algorithm>

namespace forgepool::transport {
namespace {

std::size_t size_or_none(std::ptrdiff_t written) {
  return written > 0 ? static_cast<std::size_t>(written) : 0;
}

ngtcp2_tstamp timestamp(Time now) {
  return static_cast<ngtcp2_tstamp>(now.time_since_epoch().count());
}

std::size_t write_close(DatagramBuffer& out, const ngtcp2_pkt_hd& initial, std::uint64_t code) {
  return size_or_none(ngtcp2_crypto_write_connection_close(out.data(), out.size(), initial.version, &initial.scid,
                                                           &initial.dcid, code, nullptr, 0));
}

}  // namespace

std::size_t write_version_negotiation(DatagramBuffer& out, const ngtcp2_version_cid& received, std::size_t received_bytes) {
  if (received_bytes < out.size())
    return 0;  // A first packet has at least 1,200 bytes in every version (RFC 9000, section 14.1).
  std::uint8_t random;
  RAND_bytes(&random, 1);
  // A reserved version keeps clients from relying on the list (RFC 9368, section 5).
  const std::uint32_t versions[] = {0x0a1a2a3au, NGTCP2_PROTO_VER_V1};
  return size_or_none(ngtcp2_pkt_write_version_negotiation(out.data(), out.size(), random, received.scid, received.scidlen,
                                                           received.dcid, received.dcidlen, versions, std::size(versions)));
}

std::size_t write_stateless_reset(DatagramBuffer& out, const ResetSecret& secret, ByteView connection_id,
                                  std::size_t received_bytes) {
  // Always shorter than what caused it: two ends without state do not go on answering each other's resets.
  constexpr std::size_t wanted = 43, minimum = NGTCP2_MIN_STATELESS_RESET_RANDLEN + NGTCP2_STATELESS_RESET_TOKENLEN;
  if (received_bytes <= minimum) return 0;
  const std::size_t size = std::min(wanted, received_bytes - 1);
  ngtcp2_cid id;
  ngtcp2_cid_init(&id, connection_id.data(), connection_id.size());
  ngtcp2_stateless_reset_token token;
  std::array<std::uint8_t, wanted> random;
  RAND_bytes(random.data(), random.size());
  if (ngtcp2_crypto_generate_stateless_reset_token(token.data, secret.data(), secret.size(), &id) != 0) return 0;
  return size_or_none(
      ngtcp2_pkt_write_stateless_reset2(out.data(), out.size(), &token, random.data(), size - NGTCP2_STATELESS_RESET_TOKENLEN));
}

std::size_t write_retry(DatagramBuffer& out, const ResetSecret& secret, const ngtcp2_pkt_hd& initial,
                        const SocketAddress& remote, Time now) {
  ngtcp2_cid id;
  id.datalen = connection_id_bytes;
  RAND_bytes(id.data, id.datalen);
  std::array<std::uint8_t, NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN2> token;
  const auto size = ngtcp2_crypto_generate_retry_token2(token.data(), secret.data(), secret.size(), initial.version,
                                                        remote.data(), remote.size(), &id, &initial.dcid, timestamp(now));
  if (size < 0) return 0;
  return size_or_none(ngtcp2_crypto_write_retry(out.data(), out.size(), initial.version, &initial.scid, &id, &initial.dcid,
                                                token.data(), static_cast<std::size_t>(size)));
}

RetryToken check_retry_token(const ResetSecret& secret, const ngtcp2_pkt_hd& initial, const SocketAddress& remote, Time now) {
  constexpr ngtcp2_duration life = 10 * NGTCP2_SECONDS;
  RetryToken token;
  if (initial.tokenlen == 0) return token;
  const int error =
      ngtcp2_crypto_verify_retry_token2(&token.original_id, initial.token, initial.tokenlen, secret.data(), secret.size(),
                                        initial.version, remote.data(), remote.size(), &initial.dcid, life, timestamp(now));
  token.verdict = error == 0 ? RetryToken::Verdict::valid : RetryToken::Verdict::invalid;
  return token;
}

std::size_t write_invalid_token(DatagramBuffer& out, const ngtcp2_pkt_hd& initial) {
  return write_close(out, initial, NGTCP2_INVALID_TOKEN);
}
std::size_t write_connection_refused(DatagramBuffer& out, const ngtcp2_pkt_hd& initial) {
  return write_close(out, initial, NGTCP2_CONNECTION_REFUSED);
}

}  // namespace forgepool::transport
