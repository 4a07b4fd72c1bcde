#include "audit/receipts.hpp"

#include "audit/statements.hpp"
#include "base/parallel.hpp"
#include "identity/receipt_check.hpp"

#include <algorithm>
#include <unordered_set>

namespace forgepool::audit {
namespace {

std::string summary(const identity::CheckedReceipt& checked) {
  const auto well = std::ranges::count_if(checked.receipt.shards, [](const auto& shard) { return shard.output.has_value(); });
  return "by " + checked.receipt.agent + ", " + std::to_string(well) + " of " + std::to_string(checked.receipt.shards.size()) +
         " shards ended well, sandbox level " + std::string(to_string(checked.receipt.level)) + ", determinism " +
         std::string(to_string(checked.receipt.determinism)) + ", relaxations " +
         to_string(SandboxPolicy(checked.receipt.relaxations));
}

std::string where_is(std::size_t number) {
  return "/receipts/" + std::to_string(number);
}

/// What of a receipt can be checked by itself.
Result<identity::CheckedReceipt> open_receipt(const std::string& where, const wire::BundleStatement& statement,
                                              const identity::ReceiptTerms& terms, const LogProofs& log) {
  const auto envelope = read_envelope(where, statement.envelope);
  if (!envelope) return fail(envelope.error());
  auto checked = identity::check_receipt(*envelope, statement.chain, terms);
  if (!checked) return refute(where, checked.error());
  if (const auto proved =
          prove_logged(where, *envelope, envelope->pae_digest(), checked->signer.certificate.key, statement.position, log);
      !proved)
    return fail(proved.error());
  return checked;
}

/// That the hub had committed itself to giving exactly these shards to this agent before they were reported.
Status check_granted(const std::string& where, const identity::CheckedReceipt& checked, std::uint64_t index,
                     const Events& events) {
  const auto& receipt = checked.receipt;
  const auto lease = events.leases.find(receipt.lease);
  if (lease == events.leases.end())
    return refute(where, "lease_not_granted",
                  "is for lease " + receipt.lease.str() + ", which the ledger does not say was granted");
  if (const auto& enrolled = events.enrolled.at(lease->second.agent);
      lease->second.agent.str() == checked.signer.id.name && checked.signer.certificate.key.pin() != enrolled.key_pin)
    return refute(where, "key_not_enrolled",
                  "is signed with a key for which " + checked.signer.id.name +
                      " has a certificate of the CA, but the key that it enrolled with is " + enrolled.key_pin.str());
  if (lease->second.index >= index) return refute(where, "out_of_order", "stands in the ledger before the grant of its lease");
  if (lease->second.agent.str() != checked.signer.id.name)
    return refute(where, "lease_of_another",
                  "is by " + checked.signer.id.name + ", but its lease was granted to " + lease->second.agent.str());
  if (!std::ranges::equal(receipt.shards, lease->second.shards, {}, [](const auto& shard) { return shard.index; }))
    return refute(where, "lease_other_shards", "names other shards than its lease");
  return {};
}

}  // namespace

const std::vector<Answer>& Receipts::answers(std::uint32_t shard) const {
  static const std::vector<Answer> none;
  const auto found = answers_.find(shard);
  return found == answers_.end() ? none : found->second;
}

const Answer* Receipts::find(std::uint32_t shard, const AgentId& agent, const LeaseId& lease, const Digest& result) const {
  const auto& all = answers(shard);
  const auto found = std::ranges::find_if(
      all, [&](const Answer& answer) { return answer.agent == agent && answer.lease == lease && answer.result == result; });
  return found == all.end() ? nullptr : &*found;
}

Result<Receipts> check_receipts(const wire::Bundle& bundle, const Anchors& anchors, const Computation& computation,
                                const Events& events, LogProofs& log, Trail& trail) {
  const identity::ReceiptTerms terms{anchors.issuers, events.pseudonym, events.contract, computation.plan,
                                     computation.contract.policy.sandbox_level};
  Receipts receipts;
  std::unordered_set<LeaseId> leases;
  auto opened = map_in_order(bundle.receipts.size(),
                             [&](std::size_t i) { return open_receipt(where_is(i), bundle.receipts[i], terms, log); });
  for (std::size_t i = 0; i < opened.size(); ++i) {
    auto& checked = opened[i];
    if (!checked) return fail(checked.error());
    const auto& statement = bundle.receipts[i];
    const std::string where = where_is(i);
    if (const auto claimed = log.claim(where, statement.position); !claimed) return fail(claimed.error());
    if (statement.position.index <= events.plan_index)
      return refute(where, "out_of_order", "stands in the ledger before the plan that it is for");
    const LeaseId& lease = checked->receipt.lease;
    if (!leases.insert(lease).second) return refute(where, "receipt_twice", "is a second receipt for lease " + lease.str());
    if (const auto granted = check_granted(where, *checked, statement.position.index, events); !granted)
      return fail(granted.error());

    for (const auto& shard : checked->receipt.shards)
      if (const auto answer = identity::answer_of(shard))
        receipts.add(shard.index, {AgentId(checked->signer.id.name), lease, *answer, statement.position.index, !shard.output});
    trail.passed("receipt of lease " + lease.str(), summary(*checked));
    receipts.add(
        ReceiptRecord{std::move(checked->receipt), std::move(checked->signer.certificate.key), statement.position.index});
  }
  return receipts;
}

}  // namespace forgepool::audit
