#include "audit/outcome.hpp"

#include <forgepool/merkle.hpp>

#include <algorithm>

namespace forgepool::audit {
namespace {

Status check_included(bool there, const Contract& contract, std::string_view name, const std::string& where) {
  const bool wanted = std::ranges::find(contract.artifacts.include, name) != contract.artifacts.include.end();
  if (wanted && !there) return refute(where, "is missing, but the contract asks to include it");
  if (!wanted && there) return refute(where, "is there, but the contract does not ask to include it");
  return {};
}

Status check_outputs(const std::map<std::uint32_t, Bytes>& outputs, const Computation& computation, const Events& events,
                     const Verdicts& verdicts) {
  if (outputs.size() != computation.shards() || (!outputs.empty() && outputs.rbegin()->first >= computation.shards()))
    return refute("/outputs", "expected one for each of the " + std::to_string(computation.shards()) + " shards");
  std::vector<ByteView> in_order;
  for (const auto& [shard, output] : outputs) {
    if (const Digest digest = sha256(output); digest != verdicts.accepted[shard])
      return refute("/outputs/" + std::to_string(shard),
                    "has the digest " + digest.str() + ", accepted was " + verdicts.accepted[shard].str());
    in_order.emplace_back(output);
  }
  const auto result = computation.adapter->reduce(computation.contract, in_order);
  if (!result) return refute("/outputs", result.error());
  std::vector<Digest> hashes;
  for (const ByteView output : in_order) hashes.push_back(leaf_hash(output));
  if (const Digest root = merkle_root(hashes); root != events.artifacts.at("shard_outputs"))
    return refute("/outputs", "have the root " + root.str() + ", the ledger has " + events.artifacts.at("shard_outputs").str());
  if (const Digest digest = sha256(*result); digest != events.result)
    return refute("/outputs", "reduce to a result with the digest " + digest.str() + ", the ledger has " + events.result.str());
  return {};
}

}  // namespace

Status check_outcome(const wire::Bundle& bundle, const Computation& computation, const Events& events, const Verdicts& verdicts,
                     Trail& trail) {
  if (const auto fits = check_included(bundle.result.has_value(), computation.contract, "result", "/result"); !fits)
    return fits;
  if (const auto fits = check_included(bundle.outputs.has_value(), computation.contract, "shard_outputs", "/outputs"); !fits)
    return fits;
  if (const auto result = events.artifacts.find("result"); result != events.artifacts.end() && result->second != events.result)
    return refute("/events", "the artifact named result is not the result");
  if (bundle.result) {
    if (const Digest digest = sha256(*bundle.result); digest != events.result)
      return refute("/result", "has the digest " + digest.str() + ", the ledger has " + events.result.str());
    trail.passed("result", "its digest is the one in the ledger");
  }
  if (bundle.outputs) {
    if (const auto fits = check_outputs(*bundle.outputs, computation, events, verdicts); !fits) return fits;
    trail.passed("outputs", "each is the accepted one, and the adapter reduces them to the result");
  }
  return {};
}

}  // namespace forgepool::audit
