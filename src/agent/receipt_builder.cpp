#include "agent/receipt_builder.hpp"

#include "crypto/random.hpp"
#include "identity/dsse.hpp"
#include "identity/receipt.hpp"

#include <algorithm>

namespace forgepool::agent {

Result<std::string> build_receipt(const wire::fb::LeaseGrantT& grant, const std::map<std::uint32_t, LeaseRun::Ran>& ran,
                                  const Workshop& workshop, Time started, Time ended) {
  identity::Receipt receipt;
  receipt.agent = workshop.credentials.name;
  receipt.job = grant.job;
  receipt.contract = wire::from_wire(*grant.contract);
  receipt.lease = LeaseId(grant.lease);
  receipt.adapter = wire::from_wire(*grant.adapter);
  receipt.sandbox = workshop.sandbox->name();
  receipt.numeric_class = workshop.numeric_class;
  // At most; what never ran takes nothing from it.
  const auto ability = ability_of(*workshop.sandbox, workshop.granted);
  receipt.level = ability.level;
  receipt.determinism = ability.determinism;
  receipt.limits = wire::from_wire(*grant.limits);
  for (const auto& name : grant.relaxations)
    if (const auto relaxation = parse_sandbox_relaxation(name)) receipt.relaxations.push_back(*relaxation);
  for (const auto& granted : grant.shards) {
    const auto& run = ran.at(granted->index);
    identity::ReceiptShard shard;
    shard.index = granted->index;
    shard.params = run.params;
    for (const auto& input : granted->inputs) shard.inputs.push_back({input->name, wire::from_wire(*input->digest)});
    shard.outcome = run.report.outcome;
    shard.usage = run.report.usage;
    if (run.ok()) shard.output = sha256(run.output);
    if (run.report.outcome.kind != SandboxOutcome::Kind::setup_failed) {
      receipt.level = std::min(receipt.level, run.report.level);
      receipt.determinism = std::min(receipt.determinism, run.report.determinism);
    }
    receipt.shards.push_back(std::move(shard));
  }
  if (receipt.determinism == Determinism::strict) receipt.world = ability.world;
  receipt.salt = random_bytes(identity::receipt_salt_bytes);
  receipt.started_at = std::chrono::floor<std::chrono::seconds>(started);
  receipt.finished_at = std::chrono::floor<std::chrono::seconds>(ended);
  const auto payload = identity::write_receipt(receipt);
  if (!payload) return fail(payload.error());
  return identity::sign_envelope(identity::in_toto_payload_type, as_bytes(*payload), *workshop.credentials.identity.key);
}

}  // namespace forgepool::agent
