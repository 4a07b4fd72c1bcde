#pragma once
/// SPIFFE X.509-SVIDs: who a node is, and how the hub issues and everybody checks it.
///
/// The profile: P-256 key, exactly one URI name and it is the SPIFFE id, CA:FALSE, key usage digitalSignature and nothing else,
/// extended key usage TLS server and client and nothing else, issued by the CA of the organization. Names are decided by the
/// hub, never by the requester. Refusals carry a stable code (crypto/reason.hpp).
#include "crypto/x509.hpp"

#include <forgepool/credentials.hpp>
#include <forgepool/transport.hpp>

#include <functional>

namespace forgepool::identity {

enum class NodeRole { hub, agent, client, operator_ };

/// "spiffe://<trust domain>/hub", "…/operator", "…/agent/<id>", "…/client/<name>", "…/client/<project>/<name>".
struct SpiffeId {
  std::string trust_domain;
  NodeRole role = NodeRole::agent;
  std::string name;       ///< Of agents and clients: an id in the sense of ids.hpp. Empty for the others.
  std::string project{};  ///< Of clients of a project: an id, too.

  std::string path() const;  ///< "agent/<id>"
  std::string uri() const;
  friend bool operator==(const SpiffeId&, const SpiffeId&) = default;
};

/// 1 to 255 lower-case letters, digits, dots and dashes; not starting or ending with a dot or dash.
bool is_valid_trust_domain(std::string_view text);
/// invalid_input for anything but the forms above.
Result<SpiffeId> parse_spiffe_id(std::string_view uri);
/// From what follows the trust domain.
Result<SpiffeId> spiffe_id_from_path(std::string_view trust_domain, std::string_view path);

struct SvidOptions {
  Duration life = std::chrono::hours(1);
  Duration backdate = std::chrono::minutes(5);  ///< Valid from this long before now, for peers whose clock is slow.
  std::vector<std::string> dns_names;           ///< Only of a hub: for HTTP/3 clients that are not ours.
  std::vector<Bytes> ip_addresses;
};

/// A certificate (DER) for the holder of `subject`. invalid_input for a key that is not P-256, a name that is not valid, or
/// names that only a hub may have.
Result<Bytes> issue_svid(const Certificate& ca, const Signer& ca_key, const PublicKey& subject, const SpiffeId& id, Time now,
                         const SvidOptions& options = {});
/// The same for the key that a PKCS#10 request proves possession of. Nothing else in the request has any effect.
Result<Bytes> issue_svid_for_request(const Certificate& ca, const Signer& ca_key, ByteView request, const SpiffeId& id,
                                     Time now, const SvidOptions& options = {});

/// A node as proved by its certificate.
struct Svid {
  SpiffeId id;
  Certificate certificate;

  Digest pin() const { return certificate.key.pin(); }
  Time expires_at() const { return certificate.fields.not_after; }
};

/// Checks the profile alone, without the chain. Codes: svid_key_type, svid_ca, svid_key_usage, svid_extended_key_usage,
/// svid_names, svid_id. Kind: unauthenticated.
Result<Svid> check_svid_profile(Certificate certificate);

/// Chain to `ca`, time, profile, trust domain. Codes: those of verify_chain (crypto/x509.hpp) and of check_svid_profile,
/// chain_intermediate (there is one issuing CA, and nothing between it and a leaf), svid_trust_domain.
Result<Svid> verify_svid(const std::vector<Bytes>& chain, const Certificate& ca, std::string_view trust_domain, Time now);

/// A CA, and the trust domain that it speaks for.
struct Issuer {
  Certificate ca;
  std::string trust_domain;
};
/// By that of the issuers which the leaf names. With none, or if none fits, the code is that of the first one's refusal;
/// `issuer_unknown` if there are none.
Result<Svid> verify_svid(const std::vector<Bytes>& chain, const std::vector<Issuer>& issuers, Time now);

/// Those who issue for an organization now: its CA, and earlier ones that are still good.
std::vector<Issuer> issuers_of(const HubIdentity& organization, Time now);
/// issue_credentials for any path, agents' included: the hub knows nothing of such an agent, and refuses it.
Result<Credentials> issue_member_credentials(const HubIdentity& organization, const std::string& path, Time now,
                                             const HubIdentity* hub = nullptr);
/// Fills in what a node has to know of its hub.
void trust_hub(Credentials& credentials, const HubIdentity& hub, Time now);

/// For agents and clients: the peer must be the hub by a certificate of one of these issuers, and hold one of the pinned keys.
/// Further codes: svid_role, pin_mismatch.
PeerCheck check_hub(std::vector<Issuer> issuers, std::vector<Digest> hub_pins);
/// From what a node knows of its hub. invalid_input if it cannot be read.
Result<PeerCheck> check_hub(const Credentials& credentials);
/// For enrolment, before the CA is known: the peer must hold the pinned key, by a certificate in force that says /hub.
PeerCheck check_hub_by_pin(Digest hub_pin);
/// For the hub: the peer must be an agent, client or operator by a certificate of one of those who issue for the trust domain
/// that it names. `issuers_of` knows them (an error refuses the trust domain), `admit` is the deny-list; both are asked on each
/// handshake and resumption. A certificate that expired no longer than `grace` ago passes: `admit` decides. Further codes:
/// svid_role, svid_trust_domain, and those of the two.
PeerCheck check_member(std::function<Result<std::vector<Issuer>>(std::string_view trust_domain)> issuers_of,
                       std::function<Status(const Svid&)> admit, Duration grace = {});

}  // namespace forgepool::identity
