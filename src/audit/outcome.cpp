#include "audit/outcome.hpp"

#include <forgepool/merkle.hpp>

#include <algorithm>

namespace forgepool::audit {
namespace {

bool asks_for(const Contract& contract, std::string_view name) {
  return std::ranges::find(contract.artifacts.include, name) != contract.artifacts.include.end();
}

/// The accepted output of each shard, in their order: of the bundle, or else found by its digest.
class Outputs {
 public:
  Outputs(const wire::Bundle& bundle, const Verdicts& verdicts, const ContentSource& aids) {
    for (std::uint32_t shard = 0; shard < verdicts.accepted.size() && !missing_; ++shard)
      add(shard, verdicts.accepted[shard], bundle, aids);
  }
  /// The first shard whose output is nowhere.
  const std::optional<std::uint32_t>& missing() const { return missing_; }
  const std::vector<ByteView>& in_order() const { return in_order_; }

 private:
  void add(std::uint32_t shard, const Digest& accepted, const wire::Bundle& bundle, const ContentSource& aids) {
    if (bundle.outputs)
      if (const auto found = bundle.outputs->find(shard); found != bundle.outputs->end())
        return in_order_.emplace_back(found->second), void();
    if (bundle.compared)
      if (const auto found = bundle.compared->find(accepted); found != bundle.compared->end())
        return in_order_.emplace_back(found->second), void();
    auto found = brought_.find(accepted);
    if (found == brought_.end() && aids)
      if (auto brought = aids(accepted); brought && sha256(*brought) == accepted)
        found = brought_.emplace(accepted, std::move(*brought)).first;
    if (found == brought_.end())
      missing_ = shard;
    else
      in_order_.emplace_back(found->second);
  }

  std::vector<ByteView> in_order_;
  std::map<Digest, Bytes> brought_;
  std::optional<std::uint32_t> missing_;
};

Status check_bundled(const std::map<std::uint32_t, Bytes>& outputs, const Computation& computation, const Verdicts& verdicts) {
  if (outputs.size() != computation.shards() || (!outputs.empty() && outputs.rbegin()->first >= computation.shards()))
    return refute("/outputs", "expected one for each of the " + std::to_string(computation.shards()) + " shards");
  for (const auto& [shard, output] : outputs)
    if (const Digest digest = sha256(output); digest != verdicts.accepted[shard])
      return refute("/outputs/" + std::to_string(shard), "output_not_accepted",
                    "has the digest " + digest.str() + ", accepted was " + verdicts.accepted[shard].str());
  return {};
}

Status check_reduced(const std::vector<ByteView>& outputs, const Computation& computation, const Events& events) {
  const auto result = computation.adapter->reduce(computation.contract, outputs);
  if (!result) return refute("/outputs", result.error());
  if (const auto artifact = events.artifacts.find("shard_outputs"); artifact != events.artifacts.end()) {
    std::vector<Digest> hashes;
    for (const ByteView output : outputs) hashes.push_back(leaf_hash(output));
    if (const Digest root = merkle_root(hashes); root != artifact->second)
      return refute("/outputs", "outputs_not_committed",
                    "have the root " + root.str() + ", the ledger has " + artifact->second.str());
  }
  if (const Digest digest = sha256(*result); digest != events.result)
    return refute("/outputs", "result_not_reduced",
                  "the accepted outputs reduce to a result with the digest " + digest.str() +
                      ", but the hub committed itself to " + events.result.str());
  return {};
}

std::string why_missing(const Contract& contract, const Events& events) {
  if (!contract.artifacts.persist) return "the contract lets the hub throw outputs away (artifacts.persist is false)";
  if (events.results_deleted) return "the hub has deleted them, for their retention was over";
  return "the hub did not put them into the bundle, as it does with outputs that are too large unless the contract includes "
         "shard_outputs";
}

}  // namespace

Status check_outcome(const wire::Bundle& bundle, const Computation& computation, const Events& events, const Verdicts& verdicts,
                     const ContentSource& aids, Trail& trail) {
  const Contract& contract = computation.contract;
  if (asks_for(contract, "result") != bundle.result.has_value())
    return refute("/result", bundle.result ? "is there, but the contract does not ask to include it"
                                           : "is missing, but the contract asks to include it");
  if (asks_for(contract, "shard_outputs") && !bundle.outputs)
    return refute("/outputs", "is missing, but the contract asks to include it");
  if (const auto result = events.artifacts.find("result"); result != events.artifacts.end() && result->second != events.result)
    return refute("/events", "the artifact named result is not the result");
  if (bundle.result) {
    if (const Digest digest = sha256(*bundle.result); digest != events.result)
      return refute("/result", "result_not_committed",
                    "has the digest " + digest.str() + ", the ledger has " + events.result.str());
    trail.passed("result", "its digest is the one in the ledger");
  }
  if (bundle.outputs)
    if (const auto fits = check_bundled(*bundle.outputs, computation, verdicts); !fits) return fits;
  const Outputs outputs(bundle, verdicts, aids);
  if (outputs.missing()) {
    trail.unchecked("result", "whether it is what the accepted outputs come to: that of shard " +
                                  std::to_string(*outputs.missing()) + " (" + verdicts.accepted[*outputs.missing()].str() +
                                  ") is not at hand, for " + why_missing(contract, events) +
                                  ". Whoever has the outputs checks it with verify --outputs DIR, everybody with a replay of "
                                  "all shards");
    return {};
  }
  if (const auto fits = check_reduced(outputs.in_order(), computation, events); !fits) return fits;
  trail.passed("outputs", "each is the accepted one, and the adapter reduces them to the result");
  return {};
}

}  // namespace forgepool::audit
