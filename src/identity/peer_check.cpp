#include "crypto/reason.hpp"
#include "identity/svid.hpp"

#include <algorithm>
#include <memory>

namespace forgepool::identity {
namespace {

Status check_is_hub(const Svid& svid) {
  if (svid.id.role == NodeRole::hub) return {};
  return refuse(ErrorKind::unauthenticated, "svid_role", "the peer is " + svid.id.uri() + ", not a hub");
}

Status check_pin(const Svid& svid, const std::vector<Digest>& pins) {
  if (std::ranges::find(pins, svid.pin()) != pins.end()) return {};
  return refuse(ErrorKind::unauthenticated, "pin_mismatch",
                "the hub's key is not a pinned one: this is another hub, or somebody in between. If the hub's keys were all "
                "replaced, enrol again");
}

}  // namespace

PeerCheck check_hub(std::vector<Issuer> issuers, std::vector<Digest> hub_pins) {
  // Shared, because the function is copied with the options it stands in.
  const auto shared = std::make_shared<const std::vector<Issuer>>(std::move(issuers));
  return [shared, hub_pins = std::move(hub_pins)](const std::vector<Bytes>& chain, Time now) -> Result<std::string> {
    const auto svid = verify_svid(chain, *shared, now);
    if (!svid) return fail(svid.error());
    if (auto status = check_is_hub(*svid); !status) return fail(status.error());
    if (auto status = check_pin(*svid, hub_pins); !status) return fail(status.error());
    return svid->id.uri();
  };
}

Result<PeerCheck> check_hub(const Credentials& credentials) {
  const auto hub = parse_spiffe_id(credentials.hub_name);
  if (!hub) return fail(hub.error());
  std::vector<Issuer> issuers;
  for (const auto& der : credentials.hub_cas) {
    auto ca = parse_certificate(der);
    if (!ca) return fail(ca.error());
    issuers.push_back({std::move(*ca), hub->trust_domain});
  }
  return check_hub(std::move(issuers), credentials.hub_pins);
}

PeerCheck check_hub_by_pin(Digest hub_pin) {
  return [hub_pin](const std::vector<Bytes>& chain, Time now) -> Result<std::string> {
    if (chain.empty()) return refuse(ErrorKind::unauthenticated, "chain_length", "there is no certificate");
    auto leaf = parse_certificate(chain.front());
    if (!leaf) return refuse(ErrorKind::unauthenticated, "chain_malformed", leaf.error().message);
    // The pin stands in for the chain: the certificate is trusted as its own root.
    if (now < leaf->fields.not_before)
      return refuse(ErrorKind::unauthenticated, "certificate_not_yet_valid",
                    "the hub's certificate is not yet valid (is this machine's clock right?)");
    if (std::chrono::floor<std::chrono::seconds>(now) > leaf->fields.not_after)
      return refuse(
          ErrorKind::unauthenticated, "certificate_expired",
          "the hub's certificate expired at " + to_rfc3339(leaf->fields.not_after) + " (is this machine's clock right?)");
    const auto svid = check_svid_profile(std::move(*leaf));
    if (!svid) return fail(svid.error());
    if (auto status = check_pin(*svid, {hub_pin}); !status) return fail(status.error());
    if (auto status = check_is_hub(*svid); !status) return fail(status.error());
    return svid->id.uri();
  };
}

PeerCheck check_member(std::function<Result<std::vector<Issuer>>(std::string_view)> issuers_of,
                       std::function<Status(const Svid&)> admit, Duration grace) {
  return [issuers_of = std::move(issuers_of), admit = std::move(admit), grace](const std::vector<Bytes>& chain,
                                                                               Time now) -> Result<std::string> {
    if (chain.empty()) return refuse(ErrorKind::unauthenticated, "chain_length", "there is no certificate");
    auto leaf = parse_certificate(chain.front());
    if (!leaf) return refuse(ErrorKind::unauthenticated, "chain_malformed", leaf.error().message);
    // What it claims, to find who may vouch for it; believed only once that was checked.
    const auto claimed = check_svid_profile(std::move(*leaf));
    if (!claimed) return fail(claimed.error());
    const auto issuers = issuers_of(claimed->id.trust_domain);
    if (!issuers) return fail(issuers.error());
    // One that ran out a short while ago is judged as of then.
    const Time expired_at = claimed->expires_at();
    const auto svid = verify_svid(chain, *issuers, now > expired_at && now - expired_at <= grace ? expired_at : now);
    if (!svid) return fail(svid.error());
    if (svid->id.role == NodeRole::hub)
      return refuse(ErrorKind::unauthenticated, "svid_role", "the peer is a hub, and hubs do not connect to hubs");
    if (admit)
      if (const auto admitted = admit(*svid); !admitted) return fail(admitted.error());
    return svid->id.uri();
  };
}

}  // namespace forgepool::identity
