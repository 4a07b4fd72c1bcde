#include "hub/bundle_builder.hpp"

#include "hub/records.hpp"
#include "identity/dsse.hpp"
#include "identity/receipt.hpp"
#include "identity/verdict.hpp"
#include "wire/bundle.hpp"
#include "wire/json.hpp"

#include <forgepool/merkle.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <set>

namespace forgepool::hub {
namespace {

Result<SignedHead> checkpoint_of_now(Ledger& ledger) {
  auto note = ledger.checkpoint();
  if (!note) return fail(note.error());
  const auto head = verify_checkpoint(*note, {ledger.origin(), ledger.key()});
  if (!head) return fail(head.error());
  return SignedHead{std::move(*note), *head};
}

Result<wire::LogPosition> position_of(const Ledger& ledger, std::uint64_t index, std::uint64_t size) {
  if (index >= size)
    return fail(
        ErrorKind::unavailable,
        fmt::format("entry {} of this job is not under a checkpoint with a quorum of witnesses yet (the last is of {} entries)",
                    index, size));
  auto path = ledger.prove_inclusion(index, size);
  if (!path) return fail(path.error());
  return wire::LogPosition{index, std::move(*path)};
}

Result<std::vector<wire::BundleStatement>> statements(const Ledger& ledger, const BundleFacts& facts, std::string_view kind,
                                                      std::uint64_t size) {
  std::vector<wire::BundleStatement> result;
  const auto scanned = scan_sealed(
      ledger, std::string(kind) + facts.job.str() + "/", *facts.key, [&](std::string_view, std::string_view record) -> Status {
        auto statement = read_statement(record);
        if (!statement) return fail(statement.error());
        auto position = position_of(ledger, statement->index, size);
        if (!position) return fail(position.error());
        result.push_back({std::move(statement->envelope), std::move(statement->chain), std::move(*position)});
        return {};
      });
  if (!scanned) return fail(scanned.error());
  return result;
}

Result<Bytes> read_output(const Ledger& ledger, const BundleFacts& facts, const Digest& digest) {
  const std::string place = output_key(facts.job, *facts.key, digest);
  const auto sealed = ledger.read(place);
  if (!sealed) return fail(sealed.error());
  if (!*sealed) return fail(ErrorKind::corrupt, "the output " + digest.str() + " is not in the store");
  return facts.key->open(place, **sealed);
}

/// Of each agent that got a lease, what the ledger says of its enrolment.
Status add_enrolments(const Ledger& ledger, std::uint64_t size, wire::Bundle& bundle) {
  std::set<std::string> agents;
  for (const auto& event : bundle.events) {
    if (event.kind != "lease") continue;
    const auto content = json::parse_canonical(event.content, 64u << 10);
    const auto* agent = content && content->as_object() ? content->as_object()->find("agent") : nullptr;
    if (agent && agent->as_string()) agents.insert(*agent->as_string());
  }
  for (const auto& agent : agents) {
    const auto record = ledger.read(enrolment_key(AgentId(agent)));
    if (!record) return fail(record.error());
    if (!*record) return fail(ErrorKind::corrupt, "the enrolment of agent " + agent + " is not in the store");
    auto event = read_event(as_text(**record));
    if (!event) return fail(event.error());
    auto position = position_of(ledger, event->index, size);
    if (!position) return fail(position.error());
    bundle.events.push_back({std::move(event->kind), std::move(event->salt), std::move(event->content), std::move(*position)});
  }
  return {};
}

/// The accepted output of every shard, which is what the verdicts are about: all, or, if they are more than `most_bytes`, none.
Status add_outputs(const Ledger& ledger, const BundleFacts& facts, std::size_t most_bytes, wire::Bundle& bundle) {
  bundle.outputs.emplace();
  std::size_t bytes = 0;
  for (const auto& statement : bundle.verdicts) {
    const auto envelope = identity::parse_envelope(statement.envelope);
    if (!envelope) return fail(envelope.error());
    const auto verdict = identity::parse_verdict(as_text(envelope->payload));
    if (!verdict) return fail(verdict.error());
    auto output = read_output(ledger, facts, verdict->shard.result);
    if (!output) return fail(output.error());
    bytes += output->size();
    if (bytes > most_bytes) {
      bundle.outputs.reset();
      return {};
    }
    bundle.outputs->emplace(verdict->shard.shard.index, std::move(*output));
  }
  return {};
}

/// The outputs of answers that were compared by more than their digests: an auditor has to compare them again.
Status add_compared(const Ledger& ledger, const BundleFacts& facts, wire::Bundle& bundle) {
  std::set<Digest> compared;
  for (const auto& statement : bundle.verdicts) {
    const auto envelope = identity::parse_envelope(statement.envelope);
    if (!envelope) return fail(envelope.error());
    const auto verdict = identity::parse_verdict(as_text(envelope->payload));
    if (!verdict) return fail(verdict.error());
    for (const auto& answer : verdict->shard.evidence)
      if (answer.result != verdict->shard.result) compared.insert({answer.result, verdict->shard.result});
  }
  for (const auto& event : bundle.events) {
    const auto content = json::parse_canonical(event.content, 64u << 10);
    const auto* object = event.kind == "quarantine" && content ? content->as_object() : nullptr;
    for (const auto* key : {"accepted", "returned"})
      if (const auto* digest = object ? object->find(key) : nullptr; digest && digest->as_string())
        if (const auto parsed = Digest::parse(*digest->as_string())) compared.insert(*parsed);
  }
  // What says how an execution ended has no output.
  std::set<Digest> failures;
  for (const auto& statement : bundle.receipts) {
    const auto envelope = identity::parse_envelope(statement.envelope);
    if (!envelope) return fail(envelope.error());
    const auto receipt = identity::parse_receipt(as_text(envelope->payload));
    if (!receipt) return fail(receipt.error());
    for (const auto& shard : receipt->shards)
      if (const auto answer = identity::answer_of(shard); answer && !shard.output) failures.insert(*answer);
  }
  bundle.compared.emplace();
  for (const Digest& digest : compared) {
    if (failures.contains(digest)) continue;
    auto output = read_output(ledger, facts, digest);
    if (!output) return fail(output.error());
    bundle.compared->emplace(digest, std::move(*output));
  }
  return {};
}

}  // namespace

Result<std::string> read_result(const Ledger& ledger, const BundleFacts& facts) {
  const std::string place = result_key(facts.job);
  const auto sealed = ledger.read(place);
  if (!sealed) return fail(sealed.error());
  if (!*sealed) return fail(ErrorKind::corrupt, "the result of job " + facts.job.str() + " is not in the store");
  return open_record(*facts.key, place, **sealed);
}

Result<std::string> build_bundle(Ledger& ledger, const BundleFacts& facts, const Signer& key) {
  wire::Bundle bundle;
  bundle.job = facts.job;
  bundle.contract = facts.contract.canonical;
  const auto plan = facts.adapter->plan(facts.contract);
  if (!plan) return fail(plan.error());
  bundle.plan = plan->canonical();
  bundle.adapter = facts.adapter->bytes();
  bundle.root = facts.root;

  auto checkpoint = facts.checkpoint ? Result<SignedHead>(*facts.checkpoint) : checkpoint_of_now(ledger);
  if (!checkpoint) return fail(checkpoint.error());
  const std::uint64_t size = checkpoint->head.size;
  bundle.checkpoint = std::move(checkpoint->note);

  for (const char* kind : {"event/", "grant/"}) {
    const auto events =
        scan_sealed(ledger, kind + facts.job.str() + "/", *facts.key, [&](std::string_view, std::string_view record) -> Status {
          auto event = read_event(record);
          if (!event) return fail(event.error());
          auto position = position_of(ledger, event->index, size);
          if (!position) return fail(position.error());
          bundle.events.push_back(
              {std::move(event->kind), std::move(event->salt), std::move(event->content), std::move(*position)});
          return {};
        });
    if (!events) return fail(events.error());
  }
  if (const auto added = add_enrolments(ledger, size, bundle); !added) return fail(added.error());
  std::ranges::sort(bundle.events, {}, [](const auto& event) { return event.position.index; });
  auto receipts = statements(ledger, facts, "receipt/", size);
  if (!receipts) return fail(receipts.error());
  std::ranges::sort(*receipts, {}, [](const auto& receipt) { return receipt.position.index; });
  bundle.receipts = std::move(*receipts);
  auto verdicts = statements(ledger, facts, "verdict/", size);
  if (!verdicts) return fail(verdicts.error());
  bundle.verdicts = std::move(*verdicts);

  const auto& include = facts.contract.artifacts.include;
  if (std::ranges::find(include, "result") != include.end()) {
    auto result = read_result(ledger, facts);
    if (!result) return fail(result.error());
    bundle.result = std::move(*result);
  }
  const bool asked_for = std::ranges::find(include, "shard_outputs") != include.end();
  if (asked_for || facts.has_outputs)
    if (const auto added = add_outputs(ledger, facts, asked_for ? SIZE_MAX : max_unasked_output_bytes, bundle); !added)
      return fail(added.error());
  if (!facts.adapter->compares_exactly(facts.contract))
    if (const auto added = add_compared(ledger, facts, bundle); !added) return fail(added.error());
  const auto signature = key.sign(as_bytes(wire::bundle_body(bundle)));
  if (!signature) return fail(signature.error());
  return wire::write_bundle(bundle, *signature);
}

}  // namespace forgepool::hub
