#pragma once
/// What a node proves itself with, and how it gets there: a pool is initialised once, everybody else enrols with a join token.
///
/// All functions that touch files write mode 0600 (directories 0700), never overwrite keys, and say which path was the trouble.
#include <forgepool/key_store.hpp>
#include <forgepool/ledger.hpp>
#include <forgepool/transport.hpp>

#include <map>

namespace forgepool {

/// What an agent or client needs to connect: its certificate and key, and whom to trust.
struct Credentials {
  TransportIdentity identity;
  std::vector<Bytes> hub_cas;  ///< DER; one of them must have issued the hub's certificate.
  std::vector<Digest>
      hub_pins;          ///< SHA-256 of the SubjectPublicKeyInfo of each of the hub's keys: the one it uses, and the next.
  std::string name;      ///< Our own SPIFFE id.
  std::string hub_name;  ///< The hub's.
};

/// A CA, or a key, of an epoch before the one in use: still accepted for a while.
struct EarlierCa {
  Bytes certificate;  ///< DER.
  std::uint32_t epoch = 0;
  Time until{};
};
struct EarlierKey {
  std::shared_ptr<Signer> key;  ///< Null if only the public half is left.
  PublicKey public_key;
  std::uint32_t epoch = 0;
  Time until{};
};

/// Which epoch of each purpose is in use.
struct KeyEpochs {
  std::uint32_t ca = 1, hub = 1, token = 1, log = 1;
};

/// The keys of an organization on its hub. The one of the hub's own organization (the default one) is also what the hub itself
/// shows to everybody.
struct HubIdentity {
  std::string trust_domain;           ///< "pool.example"; names the ledger too.
  Bytes ca_certificate;               ///< DER.
  std::shared_ptr<Signer> ca_key;     ///< P-256; issues SVIDs.
  TransportIdentity tls;              ///< P-256; an SVID. Its key also signs verdicts and bundles.
  std::shared_ptr<Signer> token_key;  ///< Ed25519; signs lease tokens.
  std::shared_ptr<Signer> log_key;    ///< Ed25519; signs checkpoints.

  std::shared_ptr<Signer> next_tls_key{};  ///< P-256; takes over from `tls`. Pinned by everybody already.
  /// Ed25519, by epoch: under the newest one that the ledger's state knows, the keys of jobs' content are encrypted. More than
  /// one only after a crash between making the next and destroying the one before.
  std::map<std::uint32_t, std::shared_ptr<Signer>> content_keys{};
  KeyEpochs epochs{};  ///< Of the keys above; `next_tls_key` is of the one after.
  std::vector<EarlierCa> earlier_cas{};
  std::vector<EarlierKey> earlier_hub_keys{}, earlier_token_keys{}, earlier_log_keys{};
  std::shared_ptr<KeyStore> store{};  ///< Where new epochs are made. Null: this identity cannot change.

  FORGEPOOL_API Digest pin() const;                ///< Of the key in use.
  FORGEPOOL_API std::vector<Digest> pins() const;  ///< What agents and clients pin.
};

/// How long what went before stays good after a new epoch took over.
struct KeyOverlap {
  Duration ca = std::chrono::hours(24 * 30);     ///< At least the life of the certificates that it issued.
  Duration token = std::chrono::minutes(6);      ///< A token's life and the clocks' skew.
  Duration log = std::chrono::hours(24 * 90);    ///< Checkpoints carry both signatures so long.
  Duration hub = std::chrono::hours(24 * 3650);  ///< Verdicts and bundles by the earlier key are still believed.
};

/// A new pool in memory. `trust_domain`: lower-case letters, digits, dots, dashes; invalid_input otherwise.
FORGEPOOL_API Result<HubIdentity> make_hub_identity(const std::string& trust_domain, Time now);
/// The same with its keys in `store`, which must hold none. They are made there.
FORGEPOOL_API Result<HubIdentity> make_hub_identity(const std::string& trust_domain, std::shared_ptr<KeyStore> store, Time now);
/// From what `make_hub_identity` and `rotate_key` left in `store`.
FORGEPOOL_API Result<HubIdentity> open_hub_identity(std::shared_ptr<KeyStore> store, Time now, const KeyOverlap& overlap = {});
/// Makes the next epoch of a key and lets it take over: in `identity`, and durably in its store. The epochs before stay good as
/// long as `overlap` says. `purpose` is not `node`.
FORGEPOOL_API Status rotate_key(HubIdentity& identity, KeyPurpose purpose, Time now, const KeyOverlap& overlap = {});

/// A certificate issued directly by the organization's owner, without enrolment (single-process pools, the operator). `path` is
/// "client/<name>", "client/<project>/<name>" or "operator"; invalid_input for an agent, which has to enrol, for the hub gives
/// no work to one that it does not know. `hub` is the identity that the hub shows, if that is another one than the
/// organization's own.
FORGEPOOL_API Result<Credentials> issue_credentials(const HubIdentity& organization, const std::string& path, Time now,
                                                    const HubIdentity* hub = nullptr);

/// What an auditor must trust, and nothing else: the CA, the hub's key, the log's key, and earlier epochs of them. JSON; see
/// src/audit/FORMAT.md. Signed by the log's keys, so that those who have an earlier one can go on with it (`continue_root`).
FORGEPOOL_API std::string make_trusted_root(const HubIdentity& hub);

// --- files -----------------------------------------------------------------------------------------------------------

/// Writes the identity's keys into a new directory (`adopt`). Keys that are not in this process's memory are `unsupported`.
FORGEPOOL_API Status save_hub_identity(const HubIdentity& hub, const std::string& directory);
/// `open_hub_identity` of a directory without passphrase.
FORGEPOOL_API Result<HubIdentity> load_hub_identity(const std::string& directory);
FORGEPOOL_API Status save_credentials(const Credentials& credentials, const std::string& directory);
FORGEPOOL_API Result<Credentials> load_credentials(const std::string& directory);
/// Puts a renewed certificate, and whom to trust, in the place of the old ones; the key stays.
FORGEPOOL_API Status update_credentials(const Credentials& credentials, const std::string& directory);

// --- enrolment and renewal -------------------------------------------------------------------------------------------

struct EnrolOptions {
  std::string address = "127.0.0.1";  ///< Of the hub's enrolment listener.
  std::uint16_t port = 0;
  std::string join_token;  ///< As printed by `forgepool hub invite`; holds the hub's pin.
};

/// Makes a key, proves it to the hub with a PKCS#10 request, gets a certificate. Errors: `denied` for a join token that is
/// unknown, used up or expired; `unauthenticated` if the hub is not the pinned one; `unavailable`.
FORGEPOOL_API void enrol(Transport& transport, const EnrolOptions& options, std::function<void(Result<Credentials>)> done);

/// When a certificate is to be renewed: half-way through its life. And when it ends. `corrupt` if it cannot be read.
struct CertificateLife {
  Time not_before{};
  Time renew_at{};
  Time expires_at{};
};
FORGEPOOL_API Result<CertificateLife> certificate_life(const Credentials& credentials);

}  // namespace forgepool
