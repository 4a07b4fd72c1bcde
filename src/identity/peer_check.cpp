#include "crypto/reason.hpp"
#include "identity/svid.hpp"

#include <memory>

namespace forgepool::identity {
namespace {

Status check_is_hub(const Svid& svid) {
  if (svid.id.role == NodeRole::hub) return {};
  return refuse(ErrorKind::unauthenticated, "svid_role", "the peer is " + svid.id.uri() + ", not a hub");
}

Status check_pin(const Svid& svid, const Digest& pin) {
  if (svid.pin() == pin) return {};
  return refuse(ErrorKind::unauthenticated, "pin_mismatch",
                "the hub's key is not the pinned one: this is another hub, or somebody in between. If the hub's key was "
                "replaced, enrol again");
}

}  // namespace

PeerCheck check_hub(Certificate ca, std::string trust_domain, Digest hub_pin) {
  // Shared, because the function is copied with the options it stands in.
  const auto shared_ca = std::make_shared<const Certificate>(std::move(ca));
  return [shared_ca, trust_domain = std::move(trust_domain), hub_pin](const std::vector<Bytes>& chain,
                                                                      Time now) -> Result<std::string> {
    const auto svid = verify_svid(chain, *shared_ca, trust_domain, now);
    if (!svid) return fail(svid.error());
    if (auto status = check_is_hub(*svid); !status) return fail(status.error());
    if (auto status = check_pin(*svid, hub_pin); !status) return fail(status.error());
    return svid->id.uri();
  };
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
      return refuse(ErrorKind::unauthenticated, "certificate_expired",
                    "the hub's certificate expired at " + to_rfc3339(leaf->fields.not_after));
    const auto svid = check_svid_profile(std::move(*leaf));
    if (!svid) return fail(svid.error());
    if (auto status = check_pin(*svid, hub_pin); !status) return fail(status.error());
    if (auto status = check_is_hub(*svid); !status) return fail(status.error());
    return svid->id.uri();
  };
}

PeerCheck check_member(Certificate ca, std::string trust_domain, std::function<bool(const Digest& key_pin)> is_denied) {
  const auto shared_ca = std::make_shared<const Certificate>(std::move(ca));
  return [shared_ca, trust_domain = std::move(trust_domain), is_denied = std::move(is_denied)](
             const std::vector<Bytes>& chain, Time now) -> Result<std::string> {
    const auto svid = verify_svid(chain, *shared_ca, trust_domain, now);
    if (!svid) return fail(svid.error());
    if (svid->id.role == NodeRole::hub)
      return refuse(ErrorKind::unauthenticated, "svid_role", "the peer is a hub, and hubs do not connect to hubs");
    if (is_denied && is_denied(svid->pin()))
      return refuse(ErrorKind::unauthenticated, "key_revoked", "the key of " + svid->id.uri() + " is on the deny-list");
    return svid->id.uri();
  };
}

}  // namespace forgepool::identity
