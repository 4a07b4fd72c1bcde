#include "transport/connection_end.hpp"

namespace forgepool::transport {
namespace {

Error unavailable(std::string message) {
  return {ErrorKind::unavailable, std::move(message)};
}

// The reason phrase is the peer's text: bounded, and only what can be printed.
std::string phrase(const ngtcp2_ccerr& error) {
  std::string text;
  for (std::size_t i = 0; i < error.reasonlen && i < 200; ++i)
    text.push_back(error.reason[i] >= 0x20 && error.reason[i] < 0x7f ? static_cast<char>(error.reason[i]) : '?');
  return text.empty() ? "" : " (\"" + text + "\")";
}

}  // namespace

ConnectionEnd ended_by_peer(const ngtcp2_ccerr& error, const std::string& peer) {
  const std::string code = std::to_string(error.error_code);
  if (error.type == NGTCP2_CCERR_TYPE_TRANSPORT) {
    // RFC 9001, section 4.8: 0x100 plus the TLS alert.
    if (error.error_code >= NGTCP2_CRYPTO_ERROR && error.error_code <= NGTCP2_CRYPTO_ERROR + 0xff) {
      if ((error.error_code & 0xff) == SSL_AD_CERTIFICATE_EXPIRED)
        return {{ErrorKind::unauthenticated,
                 "the peer at " + peer +
                     " refused this node: by its clock, this node's certificate has expired or is not yet valid (TLS alert: "
                     "certificate expired)"},
                {}};
      const char* const alert = SSL_alert_desc_string_long(static_cast<int>(error.error_code & 0xff));
      return {{ErrorKind::unauthenticated,
               "the peer at " + peer + " refused this node (TLS alert: " + alert +
                   "): its log has the reason; check this node's certificate, and the peer's pin and revocations"},
              {}};
    }
    if (error.error_code == NGTCP2_CONNECTION_REFUSED)
      return {unavailable("the peer at " + peer + " takes no further connections now: try again later"), {}};
    if (error.error_code != NGTCP2_NO_ERROR)
      return {unavailable("the peer at " + peer + " broke the connection: QUIC error " + code + phrase(error)), {}};
  }
  return {unavailable("the peer at " + peer + " closed the connection" + phrase(error)), {}};
}

ConnectionEnd ended_by_refusal(const std::string& reason, const std::string& peer) {
  return {{ErrorKind::unauthenticated, "refused the peer at " + peer + ": " + reason}, reason};
}

ConnectionEnd ended_by_error(int library_error, bool established, const std::string& peer) {
  switch (library_error) {
    case NGTCP2_ERR_IDLE_CLOSE: return {unavailable("the peer at " + peer + " has not answered for the idle timeout"), {}};
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
      return {unavailable("no connection to the peer at " + peer +
                          " within the handshake timeout: is it running, and does a firewall let UDP through?"),
              "the handshake was not completed within the handshake timeout"};
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
      return {unavailable("the peer at " + peer + " does not speak QUIC version 1"), {}};
    case NGTCP2_ERR_DROP_CONN:
    case NGTCP2_ERR_RETRY:
      // Not a handshake at all: anyone can send such packets, from forged addresses, so they are not worth a record.
      return {unavailable("the first packet from " + peer + " does not start a handshake"), {}};
    default: break;
  }
  const std::string what = ngtcp2_strerror(library_error);
  if (!established)
    return {unavailable("the handshake with the peer at " + peer + " failed: " + what), "handshake failed: " + what};
  return {unavailable("the connection to the peer at " + peer + " broke: " + what), {}};
}

ConnectionEnd ended_here(const std::string& peer) {
  return {unavailable("the connection to " + peer + " was closed on this side"), {}};
}

ConnectionEnd ended_by_reset(const std::string& peer) {
  return {unavailable("the peer at " + peer + " does not know this connection any more (it was restarted)"), {}};
}

}  // namespace forgepool::transport
