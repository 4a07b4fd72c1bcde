#pragma once
/// Who the other end is, and whether an own identity is usable: what both backends make of certificates.
#include <forgepool/log.hpp>
#include <forgepool/transport.hpp>

namespace forgepool::transport {

/// A peer as established: name, pin and leaf. All empty for a peer without a certificate.
struct PeerIdentity {
  std::string name;
  Digest key_pin;
  Bytes certificate;
};

/// SHA-256 of the certificate's SubjectPublicKeyInfo; invalid_input if `certificate` is not one X.509 certificate
/// in DER with a P-256 or Ed25519 key.
Result<Digest> certificate_pin(ByteView certificate);

/// invalid_input unless the chain is empty, or its leaf is a certificate for the signer's key.
Status check_identity(const TransportIdentity& identity);

/// Asks `check` about a chain (not empty). A check that throws refuses: it may be called from within C code, which no exception
/// may cross.
Result<PeerIdentity> establish(const PeerCheck& check, const std::vector<Bytes>& chain, Time now);

/// The "peer_refused" record of the refusing side. `log` may be null.
void log_refusal(LogSink* log, const std::string& peer_address, const std::string& reason);

}  // namespace forgepool::transport
