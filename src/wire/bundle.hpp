#pragma once
/// The artifact bundle: what an auditor needs offline, as one JSON document. Written by the hub, read by src/audit; the format
/// is specified in src/audit/FORMAT.md. Reading checks the form and nothing else.
#include <forgepool/digest.hpp>
#include <forgepool/ids.hpp>
#include <forgepool/ledger.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace forgepool::wire {

/// Where something stands in the ledger, proved against the bundle's checkpoint.
struct LogPosition {
  std::uint64_t index = 0;
  MerklePath path;
};

/// A fact that the hub committed itself to. Its leaf holds only SHA-256(salt ‖ content): see `event_leaf`.
struct BundleEvent {
  std::string kind;     ///< "contract", "plan", "lease", "quarantine", "result", "artifact"
  Bytes salt;           ///< 32 random bytes
  std::string content;  ///< RFC 8785 JSON of an object
  LogPosition position;
};

/// A signed statement (receipt or verdict). Its leaf is a hashedrekord over the envelope: see `statement_leaf`.
struct BundleStatement {
  std::string envelope;      ///< DSSE, exactly as signed
  std::vector<Bytes> chain;  ///< DER, leaf first; of the signer of a receipt. Empty for verdicts: the hub's key is in the root.
  LogPosition position;
};

struct Bundle {
  JobId job;
  std::string contract;  ///< canonical
  std::string plan;      ///< canonical
  Bytes adapter;         ///< package
  std::vector<BundleEvent> events;
  std::vector<BundleStatement> receipts;
  std::vector<BundleStatement> verdicts;
  std::optional<std::string> result;                      ///< if artifacts.include has "result"
  std::optional<std::map<std::uint32_t, Bytes>> outputs;  ///< accepted ones, by shard; of all or none
  std::optional<std::map<Digest, Bytes>>
      compared;            ///< outputs of answers that differ, if the adapter compares more than digests
  std::string checkpoint;  ///< signed note
  std::string root;  ///< the hub's trusted root when the bundle was made: shows those who have an earlier one what changed
};

/// JCS of {"commitment": "sha256:…", "kind": …, "v": 1} where the commitment is SHA-256(salt ‖ content).
Bytes event_leaf(std::string_view kind, ByteView salt, std::string_view content);

/// JCS of a Rekor v2 hashedrekord 0.0.2 entry over SHA-256(PAE(payload type, payload)) with the signature and the signer's key
/// (SubjectPublicKeyInfo). `pae_digest` and the rest come from the envelope.
Bytes statement_leaf(const Digest& pae_digest, ByteView signature, ByteView spki);

/// The document without its signature, RFC 8785: this is what is signed.
std::string bundle_body(const Bundle& bundle);
/// The whole document: RFC 8785 of the body and `signature` (of the hub's TLS key, DER ECDSA P-256) over it, and one newline.
std::string write_bundle(const Bundle& bundle, ByteView signature);

struct SignedBundle {
  Bundle bundle;
  Digest body;  ///< of what the signature covers, `bundle_body`
  Bytes signature;
};
/// Strict: exactly what `write_bundle` writes, byte for byte; invalid_input or too_large otherwise.
Result<SignedBundle> read_bundle(std::string_view document);

/// What an auditor trusts.
struct TrustedRoot {
  std::string trust_domain;
  Bytes ca_certificate;  ///< DER
  Bytes hub_spki;        ///< signs verdicts and bundles
  std::string log_vkey;  ///< C2SP signed-note verifier key of the ledger; its name is the log's origin
  // Of earlier epochs, oldest first: what they signed in their time still holds.
  std::vector<Bytes> earlier_ca_certificates{};
  std::vector<Bytes> earlier_hub_spkis{};
  std::vector<std::string> earlier_log_vkeys{};
  std::vector<Digest> adapters{};  ///< The packages that jobs may run; empty: any. Not signed: the reader's own.
  /// By keys of the log, the earlier ones included: who trusts one of them can go on with this root.
  struct Signature {
    std::string log_vkey;
    Bytes signature;  ///< Ed25519 over `trusted_root_body`.
  };
  std::vector<Signature> signatures{};
};
/// What is signed: "forgepool trusted root v1", a newline, and RFC 8785 of the document without `adapters` and `signatures`.
std::string trusted_root_body(const TrustedRoot& root);
std::string write_trusted_root(const TrustedRoot& root);
Result<TrustedRoot> read_trusted_root(std::string_view document);

}  // namespace forgepool::wire
