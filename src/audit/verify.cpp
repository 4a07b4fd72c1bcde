/// The order of an audit: first that the document is the hub's, then that the ledger is, then each thing in it from the
/// contract to the result. Each step believes only what the steps before it have shown.
#include "audit/audited_bundle.hpp"
#include "audit/continuation.hpp"
#include "base/parallel.hpp"
#include "crypto/keys.hpp"
#include "identity/svid.hpp"

#include <forgepool/audit.hpp>

#include <algorithm>

namespace forgepool {
namespace audit {
namespace {

Status check_signature(const wire::SignedBundle& read, const Anchors& anchors) {
  if (std::ranges::none_of(anchors.hub_keys,
                           [&](const PublicKey& key) { return DigestVerifier(key).verify(read.body, read.signature); }))
    return refute("/signature", "not_the_hubs",
                  "is not the hub's over this document: it was changed after the hub signed it, or it is another pool's");
  return {};
}

std::vector<std::string> spiffe_ids(const std::set<AgentId>& agents, const std::string& trust_domain) {
  std::vector<std::string> ids;
  for (const AgentId& agent : agents)
    ids.push_back(identity::SpiffeId{trust_domain, identity::NodeRole::agent, agent.str(), ""}.uri());
  return ids;
}

Result<AuditedBundle> audit_opened(Anchors anchors, wire::SignedBundle read, const AuditAids& aids) {
  Trail trail;
  auto* const bundle = &read.bundle;
  if (const auto signed_by_hub = check_signature(read, anchors); !signed_by_hub) return fail(signed_by_hub.error());
  if (const auto rooted = check_bundled_root(bundle->root, anchors); !rooted) return fail(rooted.error());
  trail.passed("document", "in its one canonical form, signed by the hub");

  auto log = LogProofs::open(bundle->checkpoint, anchors.log_keys);
  if (!log) return fail(log.error());
  trail.passed("checkpoint", "of " + anchors.log_keys.front().name + ", " + std::to_string(log->head().size) +
                                 " leaves, signed by the log's key");

  // The verdicts' signatures are most of the work and wait for nothing else; what they show is looked at in its turn.
  auto [opened, computation] =
      concurrently([&] { return open_verdicts(*bundle, anchors, *log); }, [&] { return check_computation(*bundle); });
  if (!computation) return fail(computation.error());
  trail.passed("contract", computation->contract.digest.str());
  trail.passed("adapter", computation->adapter->name() + "@" + computation->adapter->version() + " " +
                              computation->adapter->digest().str());
  const auto pinned = check_pinned(*computation, anchors.adapters, aids.adapter);
  if (!pinned) return fail(pinned.error());
  trail.passed("plan", std::to_string(computation->shards()) +
                           " shards, planned again from contract and adapter: " + computation->plan_digest.str());

  auto events = check_events(*bundle, *computation, *log);
  if (!events) return fail(events.error());
  trail.passed("events", "contract, plan, result and artifacts are committed in the ledger, " +
                             std::to_string(events->leases.size()) + " leases, " + std::to_string(events->quarantined.size()) +
                             " quarantine events");

  auto receipts = check_receipts(*bundle, anchors, *computation, *events, *log, trail);
  if (!receipts) return fail(receipts.error());
  auto verdicts = check_verdicts(std::move(opened), *bundle, anchors, *computation, *events, *receipts, *log, trail);
  if (!verdicts) return fail(verdicts.error());
  if (const auto outcome = check_outcome(*bundle, *computation, *events, *verdicts, aids.outputs, trail); !outcome)
    return fail(outcome.error());

  AuditReport report;
  report.job = bundle->job;
  report.contract = computation->contract.digest;
  report.plan = computation->plan_digest;
  report.adapter = computation->adapter->digest();
  report.result = events->result;
  report.shards = computation->shards();
  report.receipts = static_cast<std::uint32_t>(bundle->receipts.size());
  report.agents = spiffe_ids(verdicts->winners, anchors.trust_domain);
  report.rejected = spiffe_ids(verdicts->losers, anchors.trust_domain);
  report.error_bound = verdicts->error_bound;
  report.expected_wrong = verdicts->expected_wrong;
  report.adversary = computation->contract.policy.adversary;
  report.ledger_size = log->head().size;
  report.checks = trail.take();
  report.unchecked = trail.take_unchecked();
  if (!*pinned)
    report.unpinned.push_back("the program: that " + computation->adapter->name() + "@" + computation->adapter->version() +
                              " is " + computation->adapter->digest().str() +
                              " was the hub's choice; the contract names no op.digest, the trusted root lists no adapters, and "
                              "you named none (--adapter FILE)");
  return AuditedBundle{std::move(report),
                       std::move(*bundle),
                       std::move(*computation),
                       log->head(),
                       log->key(),
                       std::move(anchors.trust_domain),
                       std::move(anchors.hub_keys),
                       std::move(*events),
                       receipts->take_records(),
                       std::move(*verdicts)};
}

}  // namespace

Result<AuditedBundle> audit_bundle(std::string_view document, std::string_view trusted_root, const AuditAids& aids) {
  auto anchors = open_anchors(trusted_root);
  if (!anchors) return fail(anchors.error());
  auto read = wire::read_bundle(document);
  if (!read) return fail(read.error());
  const std::string bundled_root = read->bundle.root;
  auto audited = audit_opened(std::move(*anchors), std::move(*read), aids);
  if (audited) return audited;
  // What the old keys did not sign may be by newer ones, which they vouch for.
  if (const auto changed = changed_keys(trusted_root, bundled_root); !changed.empty())
    return refute("/root", "keys_rotated",
                  "since this trusted root was made the hub has changed " + changed +
                      ": accept the one that goes on from it (forgepool root accept BUNDLE --root root.json), and verify "
                      "again. With the old one: " +
                      audited.error().message);
  return audited;
}

}  // namespace audit

Result<AuditReport> verify_bundle(std::string_view document, std::string_view trusted_root, const AuditAids& aids) {
  auto audited = audit::audit_bundle(document, trusted_root, aids);
  if (!audited) return fail(audited.error());
  return std::move(audited->report);
}

}  // namespace forgepool
