#pragma once
/// What a node proves itself with, and how it gets there: a pool is initialised once, everybody else enrols with a join token.
///
/// All functions that touch files write mode 0600 (directories 0700), never overwrite, and say which path was the trouble.
#include <forgepool/keys.hpp>
#include <forgepool/ledger.hpp>
#include <forgepool/transport.hpp>

namespace forgepool {

/// What an agent or client needs to connect: its certificate and key, and whom to trust.
struct Credentials {
  TransportIdentity identity;
  Bytes ca_certificate;  ///< DER; the organization's issuing CA.
  Digest hub_pin;        ///< SHA-256 of the hub's SubjectPublicKeyInfo.
  std::string name;      ///< Our own SPIFFE id.
};

/// The keys of an organization on its hub.
struct HubIdentity {
  std::string trust_domain;           ///< "pool.example"; names the ledger too.
  Bytes ca_certificate;               ///< DER.
  std::shared_ptr<Signer> ca_key;     ///< P-256; issues SVIDs.
  TransportIdentity tls;              ///< P-256; the hub's own SVID. Its key also signs verdicts and bundles.
  std::shared_ptr<Signer> token_key;  ///< Ed25519; signs lease tokens.
  std::shared_ptr<Signer> log_key;    ///< Ed25519; signs checkpoints.

  FORGEPOOL_API Digest pin() const;  ///< What agents and clients pin.
};

/// A new pool in memory. `trust_domain`: lower-case letters, digits, dots, dashes; invalid_input otherwise.
FORGEPOOL_API Result<HubIdentity> make_hub_identity(const std::string& trust_domain, Time now);
/// A certificate issued directly by the hub's owner, without enrolment (tests, single-process pools, the operator). `path` is
/// "agent/<id>", "client/<name>" or "operator".
FORGEPOOL_API Result<Credentials> issue_credentials(const HubIdentity& hub, const std::string& path, Time now);

/// What an auditor must trust, and nothing else: the CA, the hub's key, the log's key. JSON; see src/audit/FORMAT.md.
FORGEPOOL_API std::string make_trusted_root(const HubIdentity& hub);

// --- files -----------------------------------------------------------------------------------------------------------

FORGEPOOL_API Status save_hub_identity(const HubIdentity& hub, const std::string& directory);
FORGEPOOL_API Result<HubIdentity> load_hub_identity(const std::string& directory);
FORGEPOOL_API Status save_credentials(const Credentials& credentials, const std::string& directory);
FORGEPOOL_API Result<Credentials> load_credentials(const std::string& directory);

// --- enrolment -------------------------------------------------------------------------------------------------------

struct EnrolOptions {
  std::string address = "127.0.0.1";  ///< Of the hub's enrolment listener.
  std::uint16_t port = 0;
  std::string join_token;  ///< As printed by `forgepool hub invite`; holds the hub's pin.
};

/// Makes a key, proves it to the hub with a PKCS#10 request, gets a certificate. Errors: `denied` for a join token that is
/// unknown, used up or expired; `unauthenticated` if the hub is not the pinned one; `unavailable`.
FORGEPOOL_API void enrol(Transport& transport, const EnrolOptions& options, std::function<void(Result<Credentials>)> done);

}  // namespace forgepool
