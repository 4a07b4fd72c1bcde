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

  Anchors anchors;
  anchors.trust_domain = root->trust_domain;
  const auto add_ca = [&](std::string_view key, const Bytes& der) -> Status {
    auto ca = parse_certificate(der);
    if (!ca) return refuse(key, ca.error().message);
    if (!ca->fields.is_ca || !is_signed_by(*ca, ca->key)) return refuse(key, "expected a self-signed certificate of a CA");
    anchors.issuers.push_back({std::move(*ca), anchors.trust_domain});
    return {};
  };
  const auto add_hub_key = [&](std::string_view key, const Bytes& spki) -> Status {
    auto hub = parse_public_key(spki);
    if (!hub) return refuse(key, hub.error().message);
    if (hub->algorithm != KeyAlgorithm::ecdsa_p256) return refuse(key, "expected a P-256 key");
    anchors.hub_keys.push_back(std::move(*hub));
    return {};
  };
  const auto add_log_key = [&](std::string_view key, const std::string& vkey) -> Status {
    auto log = parse_vkey(vkey);
    if (!log) return refuse(key, log.error().message);
    if (!anchors.log_keys.empty() && log->name != anchors.log_keys.front().name)
      return refuse(key, "expected the same name as that of /logKey");
    anchors.log_keys.push_back(std::move(*log));
    return {};
  };
  const auto add = [](std::string_view key, const auto& first, std::string_view earlier_key, const auto& earlier,
                      const auto& one) -> Status {
    if (auto added = one(key, first); !added) return added;
    for (const auto& value : earlier)
      if (auto added = one(earlier_key, value); !added) return added;
    return {};
  };
  if (auto added = add("caCertificate", root->ca_certificate, "earlierCaCertificates", root->earlier_ca_certificates, add_ca);
      !added)
    return fail(added.error());
  if (auto added = add("hubKey", root->hub_spki, "earlierHubKeys", root->earlier_hub_spkis, add_hub_key); !added)
    return fail(added.error());
  if (auto added = add("logKey", root->log_vkey, "earlierLogKeys", root->earlier_log_vkeys, add_log_key); !added)
    return fail(added.error());
  anchors.adapters = std::move(root->adapters);
  return anchors;
}

}  // namespace forgepool::audit
