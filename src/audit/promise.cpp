/// forgepool/promise.hpp: holding the hub to what it promised.
#include <forgepool/promise.hpp>

#include "audit/anchors.hpp"
#include "crypto/reason.hpp"
#include "identity/promise.hpp"

#include <algorithm>

namespace forgepool {

Result<LogPromise> verify_promise(std::string_view text, std::string_view trusted_root) {
  const auto anchors = audit::open_anchors(trusted_root);
  if (!anchors) return fail(anchors.error());
  const auto envelope = identity::parse_envelope(text);
  if (!envelope) return fail(envelope.error().kind, "promise: " + envelope.error().message);
  auto promise = identity::read_promise(*envelope);
  if (!promise) return fail(promise.error());
  if (std::ranges::none_of(anchors->hub_keys, [&](const PublicKey& key) {
        return identity::verify_envelope(*envelope, identity::promise_payload_type, key).has_value();
      }))
    return refuse(ErrorKind::unauthenticated, "promise_signature", "it is not signed by the hub of this trusted root");
  return promise;
}

std::string_view to_string(PromiseState state) {
  switch (state) {
    case PromiseState::kept: return "kept";
    case PromiseState::pending: return "pending";
    case PromiseState::overdue: return "overdue";
    case PromiseState::broken: return "broken";
  }
  return "unknown";
}

Result<PromiseState> check_promise(const LogPromise& promise, std::string_view origin, const LogFetch& fetch,
                                   const LedgerHead& head, Time now) {
  if (promise.log != origin)
    return fail(ErrorKind::invalid_input, "promise: it is about the log " + promise.log + ", this is " + std::string(origin));
  if (promise.index >= head.size) return now <= promise.by ? PromiseState::pending : PromiseState::overdue;
  // Proved of whatever stands there; then whether that is the leaf.
  const auto path = prove_inclusion(fetch, promise.index, head);
  if (!path) return fail(path.error());
  return verify_inclusion(promise.leaf, promise.index, head, *path) ? PromiseState::kept : PromiseState::broken;
}

}  // namespace forgepool
