#include "identity/enrolment.hpp"

#include "identity/svid.hpp"

#include <algorithm>

namespace forgepool::identity {
namespace {

constexpr std::size_t max_hub_cas = 8, max_hub_pins = 8;

std::unique_ptr<wire::fb::CertificateDerT> certificate(const Bytes& der) {
  auto message = std::make_unique<wire::fb::CertificateDerT>();
  message->der = der;
  return message;
}

}  // namespace

wire::fb::EnrolledT write_enrolment(const std::vector<Bytes>& chain, const HubIdentity& hub, Time now) {
  wire::fb::EnrolledT enrolled;
  for (const auto& der : chain) enrolled.chain.push_back(certificate(der));
  Credentials trust;
  trust_hub(trust, hub, now);
  for (const auto& der : trust.hub_cas) enrolled.hub_cas.push_back(certificate(der));
  for (const auto& pin : trust.hub_pins) enrolled.hub_pins.push_back(wire::to_wire(pin));
  enrolled.hub_name = trust.hub_name;
  return enrolled;
}

Result<Credentials> accept_enrolment(const wire::fb::EnrolledT& enrolled, std::shared_ptr<Signer> key,
                                     const std::vector<Digest>& known) {
  if (enrolled.chain.size() != 2) return fail(ErrorKind::corrupt, "the hub sent a chain of unexpected length");
  Credentials credentials;
  for (const auto& der : enrolled.chain) credentials.identity.certificate_chain.push_back(der->der);
  auto leaf = parse_certificate(credentials.identity.certificate_chain.front());
  if (!leaf) return fail(leaf.error());
  const auto ca = parse_certificate(credentials.identity.certificate_chain.back());
  if (!ca) return fail(ca.error());
  if (leaf->key != key->public_key() || !is_signed_by(*leaf, ca->key))
    return fail(ErrorKind::corrupt, "the hub sent a certificate that is not for our key");
  const auto svid = check_svid_profile(std::move(*leaf));
  if (!svid) return fail(svid.error());

  if (enrolled.hub_cas.empty() || enrolled.hub_cas.size() > max_hub_cas || enrolled.hub_pins.empty() ||
      enrolled.hub_pins.size() > max_hub_pins)
    return fail(ErrorKind::corrupt, "the hub did not say by which CAs and keys it is known, or named too many");
  for (const auto& der : enrolled.hub_cas) {
    if (const auto parsed = parse_certificate(der->der); !parsed) return fail(parsed.error());
    credentials.hub_cas.push_back(der->der);
  }
  for (const auto& pin : enrolled.hub_pins) credentials.hub_pins.push_back(wire::from_wire(pin));
  if (std::ranges::find_first_of(credentials.hub_pins, known) == credentials.hub_pins.end())
    return fail(ErrorKind::corrupt, "the hub wants to be known by other keys than those it was known by");
  const auto hub = parse_spiffe_id(enrolled.hub_name);
  if (!hub || hub->role != NodeRole::hub) return fail(ErrorKind::corrupt, "the hub did not say its name");
  credentials.hub_name = enrolled.hub_name;
  credentials.identity.key = std::move(key);
  credentials.name = svid->id.uri();
  return credentials;
}

}  // namespace forgepool::identity
