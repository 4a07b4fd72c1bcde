/// forgepool/credentials.hpp: what nodes are made of, in memory.
#include <forgepool/credentials.hpp>

#include "identity/svid.hpp"

#include <algorithm>

namespace forgepool {
namespace {

constexpr Duration direct_certificate_life = std::chrono::hours(24 * 365);

}  // namespace

Result<Credentials> issue_credentials(const HubIdentity& organization, const std::string& path, Time now,
                                      const HubIdentity* hub) {
  if (path.starts_with("agent/"))
    return fail(ErrorKind::invalid_input,
                "agents enrol (Hub::invite and enrol): a hub gives no work to one that it does not know, whatever its "
                "certificate says");
  return identity::issue_member_credentials(organization, path, now, hub);
}

namespace identity {

Result<Credentials> issue_member_credentials(const HubIdentity& organization, const std::string& path, Time now,
                                             const HubIdentity* hub) {
  const auto id = spiffe_id_from_path(organization.trust_domain, path);
  if (!id) return fail(id.error());
  const auto ca = parse_certificate(organization.ca_certificate);
  if (!ca) return fail(ca.error());
  auto key = generate_key(KeyAlgorithm::ecdsa_p256);
  if (!key) return fail(key.error());
  SvidOptions options;
  options.life = direct_certificate_life;
  auto certificate = issue_svid(*ca, *organization.ca_key, (*key)->public_key(), *id, now, options);
  if (!certificate) return fail(certificate.error());
  Credentials credentials;
  credentials.identity = {{std::move(*certificate), organization.ca_certificate}, std::move(*key)};
  credentials.name = id->uri();
  trust_hub(credentials, hub ? *hub : organization, now);
  return credentials;
}

void trust_hub(Credentials& credentials, const HubIdentity& hub, Time now) {
  credentials.hub_cas = {hub.ca_certificate};
  for (const auto& earlier : hub.earlier_cas)
    if (now < earlier.until) credentials.hub_cas.push_back(earlier.certificate);
  // The hub may still show a certificate of a CA that issues no more.
  const Bytes& issuer = hub.tls.certificate_chain.back();
  if (std::ranges::find(credentials.hub_cas, issuer) == credentials.hub_cas.end()) credentials.hub_cas.push_back(issuer);
  credentials.hub_pins = hub.pins();
  credentials.hub_name = "spiffe://" + hub.trust_domain + "/hub";
}

std::vector<Issuer> issuers_of(const HubIdentity& organization, Time now) {
  std::vector<Issuer> issuers;
  const auto add = [&](const Bytes& der) {
    if (auto ca = parse_certificate(der)) issuers.push_back({std::move(*ca), organization.trust_domain});
  };
  add(organization.ca_certificate);
  for (const auto& earlier : organization.earlier_cas)
    if (now < earlier.until) add(earlier.certificate);
  return issuers;
}

}  // namespace identity

Result<CertificateLife> certificate_life(const Credentials& credentials) {
  if (credentials.identity.certificate_chain.empty()) return fail(ErrorKind::corrupt, "the credentials hold no certificate");
  const auto leaf = parse_certificate(credentials.identity.certificate_chain.front());
  if (!leaf) return fail(ErrorKind::corrupt, "the certificate cannot be read: " + leaf.error().message);
  const Time from = leaf->fields.not_before, to = leaf->fields.not_after;
  return CertificateLife{from, from + (to - from) / 2, to};
}

}  // namespace forgepool
