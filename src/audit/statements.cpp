#include "audit/statements.hpp"

#include "audit/trail.hpp"

namespace forgepool::audit {

Result<identity::Envelope> read_envelope(const std::string& where, std::string_view text) {
  auto envelope = identity::parse_envelope(text);
  if (!envelope) return refute(where + "/envelope", envelope.error());
  // The leaf holds one signature; a second one would be bytes that nothing vouches for.
  if (envelope->signatures.size() != 1) return refute(where + "/envelope", "expected exactly one signature");
  return envelope;
}

Status prove_logged(const std::string& where, const identity::Envelope& envelope, const Digest& pae_digest,
                    const PublicKey& key, const wire::LogPosition& position, const LogProofs& log) {
  return log.prove(where, wire::statement_leaf(pae_digest, envelope.signatures[0].signature, key.spki), position);
}

}  // namespace forgepool::audit
