#include "audit/anchors.hpp"

#include "identity/svid.hpp"
#include "wire/bundle.hpp"

namespace forgepool::audit {
namespace {

tl::unexpected<Error> refuse(std::string_view key, std::string_view what) {
  return fail(ErrorKind::invalid_input, "not a trusted root: /" + std::string(key) + ": " + std::string(what));
}

}  // namespace

Result<Anchors> open_anchors(std::string_view trusted_root) {
  auto root = wire::read_trusted_root(trusted_root);
  if (!root) return fail(root.error());
  if (!identity::is_valid_trust_domain(root->trust_domain))
    return refuse("trustDomain", "expected lower-case letters, digits, dots and dashes");

  auto ca = parse_certificate(root->ca_certificate);
  if (!ca) return refuse("caCertificate", ca.error().message);
  if (!ca->fields.is_ca || !is_signed_by(*ca, ca->key))
    return refuse("caCertificate", "expected a self-signed certificate of a CA");

  auto hub = parse_public_key(root->hub_spki);
  if (!hub) return refuse("hubKey", hub.error().message);
  if (hub->algorithm != KeyAlgorithm::ecdsa_p256) return refuse("hubKey", "expected a P-256 key");

  auto log = parse_vkey(root->log_vkey);
  if (!log) return refuse("logKey", log.error().message);
  return Anchors{std::move(root->trust_domain), std::move(*ca), std::move(*hub), std::move(*log)};
}

}  // namespace forgepool::audit
