/// forgepool/credentials.hpp: what nodes are made of, in memory.
#include <forgepool/credentials.hpp>

#include "identity/svid.hpp"
#include "wire/bundle.hpp"

#include <forgepool/merkle.hpp>

namespace forgepool {
namespace {

constexpr Duration ca_life = std::chrono::hours(24 * 365 * 5);
// The hub's own certificate has no one to renew it yet; its key is pinned by everybody anyway.
constexpr Duration hub_certificate_life = std::chrono::hours(24 * 365);
constexpr Duration direct_certificate_life = std::chrono::hours(24 * 365);

}  // namespace

Digest HubIdentity::pin() const {
  return tls.key->public_key().pin();
}

Result<HubIdentity> make_hub_identity(const std::string& trust_domain, Time now) {
  if (!identity::is_valid_trust_domain(trust_domain))
    return fail(ErrorKind::invalid_input,
                "trust domain: expected lower-case letters, digits, dots and dashes, got \"" + trust_domain + "\"");
  HubIdentity hub;
  hub.trust_domain = trust_domain;
  auto ca_key = generate_key(KeyAlgorithm::ecdsa_p256), hub_key = generate_key(KeyAlgorithm::ecdsa_p256);
  auto token_key = generate_key(KeyAlgorithm::ed25519), log_key = generate_key(KeyAlgorithm::ed25519);
  for (const auto* key : {&ca_key, &hub_key, &token_key, &log_key})
    if (!*key) return fail(key->error());
  hub.ca_key = *ca_key;
  hub.tls.key = *hub_key;
  hub.token_key = *token_key;
  hub.log_key = *log_key;

  CaProfile profile;
  profile.common_name = trust_domain + " issuing CA";
  profile.not_before = now - std::chrono::minutes(5);
  profile.not_after = now + ca_life;
  auto ca_certificate = make_ca_certificate(*hub.ca_key, profile);
  if (!ca_certificate) return fail(ca_certificate.error());
  hub.ca_certificate = std::move(*ca_certificate);
  const auto ca = parse_certificate(hub.ca_certificate);
  if (!ca) return fail(ca.error());
  identity::SvidOptions options;
  options.life = hub_certificate_life;
  options.dns_names = {"localhost"};
  auto certificate = identity::issue_svid(*ca, *hub.ca_key, hub.tls.key->public_key(),
                                          {trust_domain, identity::NodeRole::hub, ""}, now, options);
  if (!certificate) return fail(certificate.error());
  hub.tls.certificate_chain = {std::move(*certificate), hub.ca_certificate};
  return hub;
}

Result<Credentials> issue_credentials(const HubIdentity& hub, const std::string& path, Time now) {
  const auto id = identity::spiffe_id_from_path(hub.trust_domain, path);
  if (!id) return fail(id.error());
  const auto ca = parse_certificate(hub.ca_certificate);
  if (!ca) return fail(ca.error());
  auto key = generate_key(KeyAlgorithm::ecdsa_p256);
  if (!key) return fail(key.error());
  identity::SvidOptions options;
  options.life = direct_certificate_life;
  auto certificate = identity::issue_svid(*ca, *hub.ca_key, (*key)->public_key(), *id, now, options);
  if (!certificate) return fail(certificate.error());
  return Credentials{
      {{std::move(*certificate), hub.ca_certificate}, std::move(*key)}, hub.ca_certificate, hub.pin(), id->uri()};
}

std::string make_trusted_root(const HubIdentity& hub) {
  return wire::write_trusted_root({hub.trust_domain, hub.ca_certificate, hub.tls.key->public_key().spki,
                                   to_vkey(hub.trust_domain, hub.log_key->public_key())});
}

}  // namespace forgepool
