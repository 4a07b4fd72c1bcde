#include "transport/peer_identity.hpp"

#include "crypto/x509.hpp"

#include <exception>

namespace forgepool::transport {

Result<Digest> certificate_pin(ByteView certificate) {
  auto parsed = parse_certificate(certificate);
  if (!parsed) return fail(std::move(parsed.error()));
  return parsed->key.pin();
}

Status check_identity(const TransportIdentity& identity) {
  if (identity.certificate_chain.empty()) return {};
  if (!identity.key) return fail(ErrorKind::invalid_input, "the transport identity has a certificate chain but no key");
  const auto pin = certificate_pin(identity.certificate_chain.front());
  if (!pin)
    return fail(ErrorKind::invalid_input,
                "the first certificate of the transport identity's chain is unusable: " + pin.error().message);
  if (*pin != identity.key->public_key().pin())
    return fail(ErrorKind::invalid_input, "the transport identity's leaf certificate is for another key than its signer's");
  return {};
}

Result<PeerIdentity> establish(const PeerCheck& check, const std::vector<Bytes>& chain, Time now) {
  auto pin = certificate_pin(chain.front());
  if (!pin) return fail(ErrorKind::unauthenticated, "its certificate is malformed: " + pin.error().message);
  try {
    auto name = check(chain, now);
    if (!name) return fail(std::move(name.error()));
    return PeerIdentity{std::move(*name), *pin, chain.front()};
  } catch (const std::exception& exception) {
    return fail(ErrorKind::internal, std::string("the peer check threw: ") + exception.what());
  } catch (...) {
    return fail(ErrorKind::internal, "the peer check threw");
  }
}

void log_refusal(LogSink* log, const std::string& peer_address, const std::string& reason) {
  if (log) log->write(LogLevel::warning, "peer_refused", {{"peer", peer_address}, {"reason", reason}});
}

}  // namespace forgepool::transport
