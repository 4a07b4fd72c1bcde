/// Executing shards of a bundle's job again. What the bundle says is taken as it is: `verify_bundle` judges it.
#include "audit/computation.hpp"
#include "audit/statements.hpp"
#include "audit/trail.hpp"
#include "crypto/digest.hpp"
#include "identity/verdict.hpp"
#include "wire/json_reader.hpp"

#include <forgepool/audit.hpp>

#include <algorithm>
#include <map>

namespace forgepool {
namespace {

using namespace audit;

/// What the verdict on a shard says of its answers.
struct Accepted {
  Digest result;
  std::vector<LostAnswer> lost;
};

Result<std::map<std::uint32_t, Accepted>> accepted_results(const wire::Bundle& bundle) {
  std::map<std::uint32_t, Accepted> accepted;
  for (std::size_t i = 0; i < bundle.verdicts.size(); ++i) {
    const std::string where = "/verdicts/" + std::to_string(i);
    const auto envelope = read_envelope(where, bundle.verdicts[i].envelope);
    if (!envelope) return fail(envelope.error());
    const auto verdict = identity::parse_verdict(as_text(envelope->payload));
    if (!verdict) return refute(where, verdict.error());
    if (verdict->shard.decision != Decision::accepted) continue;
    Accepted& shard = accepted[verdict->shard.shard.index];
    shard.result = verdict->shard.result;
    for (const Evidence& answer : verdict->shard.evidence)
      if (!answer.agrees && answer.result != shard.result)
        shard.lost.push_back({answer.agent, answer.result, answer.diverges_at});
  }
  return accepted;
}

Result<std::shared_ptr<const Bytes>> find_input(const ShardSpec& shard, const ShardInput& input, const InputSource& inputs) {
  auto content = inputs ? inputs(input.digest) : std::nullopt;
  const std::string name = "input " + input.name + " of shard " + std::to_string(shard.index) + " (" + input.digest.str() + ")";
  if (!content) return fail(ErrorKind::not_found, name + " is needed to replay; bundles hold no inputs, so provide it");
  if (sha256(*content) != input.digest) return fail(ErrorKind::corrupt, name + ": what was provided has another digest");
  return std::make_shared<const Bytes>(std::move(*content));
}

Result<SandboxRequest> make_request(const Computation& computation, const ShardSpec& shard, const InputSource& inputs) {
  SandboxRequest request;
  request.program_digest = computation.adapter->program_digest();
  request.program = computation.adapter->program();
  request.arguments = computation.plan.arguments;
  request.limits = computation.plan.limits;
  request.policy = SandboxPolicy(computation.plan.relaxations);
  request.determinism = computation.plan.determinism;
  request.seed = sha256(shard.params);
  request.files.push_back({"params.json", std::make_shared<const Bytes>(to_bytes(shard.params)), false});
  for (const ShardInput& input : shard.inputs) {
    auto content = find_input(shard, input, inputs);
    if (!content) return fail(content.error());
    request.files.push_back({input.name, std::move(*content), input.executable});
  }
  return request;
}

/// What the run here gave; null if it did not end well.
const Bytes* output_of(const SandboxReport& report) {
  if (!report.outcome.ok()) return nullptr;
  const auto output = report.outputs.find(std::string(shard_output_name));
  return output == report.outputs.end() ? nullptr : &output->second;
}

Result<Digest> accepted_result(const wire::Bundle& bundle) {
  const auto event = std::ranges::find(bundle.events, "result", &wire::BundleEvent::kind);
  if (event == bundle.events.end()) return refute("/events", "the event of kind result is missing");
  const auto content = json::parse_canonical(event->content, event->content.size());
  if (!content) return refute("/events", content.error());
  json::ObjectReader reader(*content, "/events/result");
  reader.id("job");
  const Digest result = reader.digest("result");
  if (const auto read = reader.finish(); !read) return fail(read.error());
  return result;
}

/// The accepted output, if the bundle holds it.
const Bytes* accepted_output(const wire::Bundle& bundle, std::uint32_t shard, const Digest& digest) {
  if (bundle.outputs)
    if (const auto found = bundle.outputs->find(shard); found != bundle.outputs->end()) return &found->second;
  if (bundle.compared)
    if (const auto found = bundle.compared->find(digest); found != bundle.compared->end()) return &found->second;
  return nullptr;
}

}  // namespace

Result<std::vector<std::uint32_t>> sample_shards(std::string_view document, std::uint32_t count, std::string_view nonce) {
  const auto read = wire::read_bundle(document);
  if (!read) return fail(read.error());
  const auto computation = check_computation(read->bundle);
  if (!computation) return fail(computation.error());
  // Of the note's text the first three lines are the log's name, size and root, whoever signed it.
  std::size_t end = 0;
  for (int line = 0; line < 3 && end != std::string::npos; ++line) end = read->bundle.checkpoint.find('\n', end) + 1;
  const std::string_view head = std::string_view(read->bundle.checkpoint).substr(0, end);
  std::vector<std::pair<Digest, std::uint32_t>> drawn;
  for (std::uint32_t shard = 0; shard < computation->shards(); ++shard)
    drawn.emplace_back(Sha256().update(head).update(sha256(nonce).bytes).update(std::to_string(shard)).finish(), shard);
  std::ranges::sort(drawn);
  drawn.resize(std::min<std::size_t>(drawn.size(), count));
  std::vector<std::uint32_t> shards;
  for (const auto& [rank, shard] : drawn) shards.push_back(shard);
  std::ranges::sort(shards);
  return shards;
}

Result<std::vector<ReplayedShard>> replay_bundle(std::string_view document, const std::vector<std::uint32_t>& shards,
                                                 Sandbox& sandbox, const InputSource& inputs) {
  const auto read = wire::read_bundle(document);
  if (!read) return fail(read.error());
  const auto computation = check_computation(read->bundle);
  if (!computation) return fail(computation.error());
  const auto accepted = accepted_results(read->bundle);
  if (!accepted) return fail(accepted.error());

  std::vector<std::uint32_t> wanted = shards;
  if (wanted.empty())
    for (const ShardSpec& shard : computation->plan.shards) wanted.push_back(shard.index);

  if (computation->plan.determinism == Determinism::strict && computation->plan.world != sandbox.world())
    return fail(ErrorKind::unsupported, "its programs saw " + world_name(computation->plan.world) +
                                            ", this sandbox shows them " + world_name(sandbox.world()) +
                                            ": replay with a version of forgepool that has it");

  // Everything that could be missing is found out before anything runs.
  std::vector<SandboxRequest> requests;
  for (const std::uint32_t index : wanted) {
    if (index >= computation->shards() || !accepted->contains(index))
      return fail(ErrorKind::not_found, "shard " + std::to_string(index) + " is not in the bundle, whose job has " +
                                            std::to_string(computation->shards()) + ", counted from 0");
    auto request = make_request(*computation, computation->plan.shards[index], inputs);
    if (!request) return fail(request.error());
    requests.push_back(std::move(*request));
  }
  std::vector<ReplayedShard> replayed;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    SandboxReport report = computation->adapter->run(requests[i], sandbox);
    const Accepted& decided = accepted->at(wanted[i]);
    ReplayedShard shard;
    shard.index = wanted[i];
    shard.accepted = decided.result;
    shard.lost = decided.lost;
    if (const Bytes* output = output_of(report)) {
      shard.replayed = sha256(*output);
      const Bytes* theirs = accepted_output(read->bundle, wanted[i], decided.result);
      // What was not computed here is looked at only if it is what it says it is.
      const bool sound =
          theirs && sha256(*theirs) == decided.result && computation->adapter->check_output(computation->contract, *theirs);
      if (sound) shard.diverges_at = computation->adapter->first_divergence(computation->contract, *theirs, *output);
      if (shard.replayed == decided.result || computation->adapter->compares_exactly(computation->contract))
        shard.agrees = shard.replayed == decided.result;
      else if (sound && computation->adapter->check_output(computation->contract, *output))
        shard.agrees = computation->adapter->agree(computation->contract, *theirs, *output);
    }
    shard.report = std::move(report);
    replayed.push_back(std::move(shard));
  }
  return replayed;
}

Result<ReplayedResult> reduce_replay(std::string_view document, const std::vector<ReplayedShard>& replayed) {
  const auto read = wire::read_bundle(document);
  if (!read) return fail(read.error());
  const auto computation = check_computation(read->bundle);
  if (!computation) return fail(computation.error());
  const auto accepted = accepted_result(read->bundle);
  if (!accepted) return fail(accepted.error());
  std::map<std::uint32_t, ByteView> outputs;
  for (const ReplayedShard& shard : replayed) {
    const Bytes* output = output_of(shard.report);
    if (!output) return fail(ErrorKind::invalid_input, "shard " + std::to_string(shard.index) + " gave no output here");
    outputs.emplace(shard.index, *output);
  }
  if (outputs.size() != computation->shards() || replayed.size() != outputs.size() ||
      outputs.rbegin()->first >= computation->shards())
    return fail(ErrorKind::invalid_input,
                "the result needs each of the " + std::to_string(computation->shards()) + " shards, once");
  std::vector<ByteView> in_order;
  for (const auto& [shard, output] : outputs) in_order.push_back(output);
  const auto result = computation->adapter->reduce(computation->contract, in_order);
  // Outputs that do not go together differ from those that were accepted: that is what was to be found out.
  return ReplayedResult{*accepted, result ? sha256(*result) : Digest{}};
}

}  // namespace forgepool
