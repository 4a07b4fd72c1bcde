/// A verified bundle in the forms of others: sigstore bundle v0.3 for what is signed, C2SP tlog-proof for what is committed to.
#include "audit/audited_bundle.hpp"
#include "audit/statements.hpp"
#include "crypto/signed_note.hpp"
#include "identity/key_id.hpp"
#include "wire/json.hpp"

#include <forgepool/tiled_log.hpp>

namespace forgepool {
namespace {

using namespace audit;
using json::Array;
using json::Object;

// Field names and constants: sigstore's protobuf-specs (sigstore_bundle, sigstore_rekor, sigstore_trustroot, sigstore_common)
// in the JSON mapping of protobuf, which writes 64-bit integers as strings.
constexpr std::string_view bundle_media_type = "application/vnd.dev.sigstore.bundle.v0.3+json";
constexpr std::string_view root_media_type = "application/vnd.dev.sigstore.trustedroot+json;version=0.1";

Object log_id(const VerifierKey& key) {
  return {{"keyId", to_base64(note_key_hash(key.name, key.key).bytes)}};
}

Object tlog_entry(const AuditedBundle& audited, const wire::LogPosition& position, ByteView leaf) {
  Array hashes;
  for (const Digest& sibling : position.path) hashes.emplace_back(to_base64(sibling.bytes));
  const std::string index = std::to_string(position.index);
  return {{"logIndex", index},
          {"logId", log_id(audited.log_key)},
          {"kindVersion", Object{{"kind", "hashedrekord"}, {"version", "0.0.2"}}},
          {"inclusionProof", Object{{"logIndex", index},
                                    {"rootHash", to_base64(audited.head.root.bytes)},
                                    {"treeSize", std::to_string(audited.head.size)},
                                    {"hashes", std::move(hashes)},
                                    {"checkpoint", Object{{"envelope", audited.bundle.checkpoint}}}}},
          {"canonicalizedBody", to_base64(leaf)}};
}

/// One line of JSON Lines. The envelope is one that was verified with `key`.
std::string statement_line(const AuditedBundle& audited, const wire::BundleStatement& statement,
                           const identity::Envelope& envelope, const PublicKey& key) {
  const auto& signature = envelope.signatures.front().signature;
  const Bytes leaf = wire::statement_leaf(envelope.pae_digest(), signature, key.spki);
  const std::string hint = identity::key_id(key);
  const Object material{{"publicKey", Object{{"hint", hint}}},
                        {"tlogEntries", Array{tlog_entry(audited, statement.position, leaf)}}};
  const Object signed_payload{{"payload", to_base64(envelope.payload)},
                              {"payloadType", envelope.payload_type},
                              {"signatures", Array{Object{{"keyid", hint}, {"sig", to_base64(signature)}}}}};
  return json::canonicalize(
             Object{{"mediaType", bundle_media_type}, {"verificationMaterial", material}, {"dsseEnvelope", signed_payload}}) +
         "\n";
}

Object public_key(const PublicKey& key, std::string_view details) {
  // Nothing here says when a key was in force: that is what the certificates and the trusted root are for.
  return {{"rawBytes", to_base64(key.spki)}, {"keyDetails", details}};
}

std::string trusted_root(const AuditedBundle& audited) {
  const Object log{{"baseUrl", "https://" + audited.log_key.name},
                   {"hashAlgorithm", "SHA2_256"},
                   {"publicKey", public_key(audited.log_key.key, "PKIX_ED25519")},
                   {"logId", log_id(audited.log_key)}};
  return json::canonicalize(Object{{"mediaType", root_media_type},
                                   {"tlogs", Array{log}},
                                   {"certificateAuthorities", Array{}},
                                   {"ctlogs", Array{}},
                                   {"timestampAuthorities", Array{}}}) +
         "\n";
}

/// The keys that the bundles' hints name: of sigstore's form, and the certificates that make them an agent's.
class Keys {
 public:
  void add(const PublicKey& key, const std::vector<Bytes>& chain) {
    const std::string hint = identity::key_id(key);
    if (keys_.find(hint)) return;
    keys_.set(hint, public_key(key, "PKIX_ECDSA_P256_SHA_256"));
    Array certificates;
    for (const Bytes& certificate : chain) certificates.emplace_back(to_base64(certificate));
    chains_.set(hint, std::move(certificates));
  }
  std::string write() const { return json::canonicalize(Object{{"keys", keys_}, {"certificates", chains_}}) + "\n"; }

 private:
  Object keys_, chains_;
};

std::string event_line(const wire::BundleEvent& event, const std::string& checkpoint) {
  const TlogProof proof{event.position.index, event.position.path, checkpoint, {}};
  return json::canonicalize(Object{{"kind", event.kind},
                                   {"content", event.content},
                                   {"salt", to_base64(event.salt)},
                                   {"leaf", to_text(wire::event_leaf(event.kind, event.salt, event.content))},
                                   {"proof", write_tlog_proof(proof)}}) +
         "\n";
}

/// That of the hub's keys by which the envelope is signed.
const PublicKey* signer_of(const identity::Envelope& envelope, const std::vector<PublicKey>& keys) {
  for (const PublicKey& key : keys)
    if (identity::verify_envelope(envelope, identity::in_toto_payload_type, key)) return &key;
  return nullptr;
}

}  // namespace

Result<SigstoreExport> export_to_sigstore(std::string_view document, std::string_view root) {
  const auto audited = audit_bundle(document, root);
  if (!audited) return fail(audited.error());
  const auto& bundle = audited->bundle;
  SigstoreExport exported;
  exported.trusted_root = trusted_root(*audited);
  Keys keys;
  for (std::size_t i = 0; i < bundle.receipts.size(); ++i) {
    const auto envelope = read_envelope("/receipts/" + std::to_string(i), bundle.receipts[i].envelope);
    if (!envelope) return fail(envelope.error());
    const PublicKey& key = audited->receipts[i].key;
    keys.add(key, bundle.receipts[i].chain);
    exported.receipts += statement_line(*audited, bundle.receipts[i], *envelope, key);
  }
  for (std::size_t i = 0; i < bundle.verdicts.size(); ++i) {
    const auto envelope = read_envelope("/verdicts/" + std::to_string(i), bundle.verdicts[i].envelope);
    if (!envelope) return fail(envelope.error());
    const PublicKey* key = signer_of(*envelope, audited->hub_keys);
    if (!key) return fail(ErrorKind::internal, "/verdicts/" + std::to_string(i) + ": verified, but by no key of the hub");
    keys.add(*key, {});
    exported.verdicts += statement_line(*audited, bundle.verdicts[i], *envelope, *key);
  }
  for (const auto& event : bundle.events) exported.events += event_line(event, bundle.checkpoint);
  exported.keys = keys.write();
  return exported;
}

}  // namespace forgepool
