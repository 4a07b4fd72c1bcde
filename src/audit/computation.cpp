#include "audit/computation.hpp"

#include "audit/trail.hpp"

#include <algorithm>

namespace forgepool::audit {
namespace {

Result<Contract> check_contract(const wire::Bundle& bundle) {
  auto contract = parse_contract(bundle.contract);
  if (!contract) return refute("/contract", contract.error());
  if (contract->canonical != bundle.contract) return refute("/contract", "is not in canonical form (RFC 8785)");
  if (contract->job_id && *contract->job_id != bundle.job)
    return refute("/contract", "names job " + contract->job_id->str() + ", the bundle is of job " + bundle.job.str());
  return contract;
}

Result<std::shared_ptr<const AdapterPackage>> check_adapter(const wire::Bundle& bundle, const ContractOp& op) {
  auto adapter = open_adapter(bundle.adapter);
  if (!adapter) return refute("/adapter", adapter.error());
  if ((*adapter)->digest() != sha256(bundle.adapter))
    return refute("/adapter", "the package does not have the digest it claims");
  if ((*adapter)->name() != op.name || (*adapter)->version() != op.version)
    return refute("/adapter", "is " + (*adapter)->name() + "@" + (*adapter)->version() + ", the contract asks for " + op.name +
                                  "@" + op.version);
  if (op.digest && *op.digest != (*adapter)->digest())
    return refute("/adapter", "adapter_not_asked_for",
                  "is " + (*adapter)->digest().str() + ", the contract asks for " + op.digest->str());
  return adapter;
}

/// The first thing in which two plans differ, for people.
std::string difference(const Plan& claimed, const Plan& planned) {
  if (claimed.contract != planned.contract)
    return "it names the contract " + claimed.contract.str() + ", which is " + planned.contract.str();
  if (claimed.adapter != planned.adapter)
    return "it names the adapter " + claimed.adapter.str() + ", which is " + planned.adapter.str();
  if (claimed.program != planned.program)
    return "it names the program " + claimed.program.str() + ", the package holds " + planned.program.str();
  if (claimed.arguments != planned.arguments) return "the program's arguments differ";
  if (claimed.limits != planned.limits) return "the limits differ";
  if (claimed.determinism != planned.determinism) return "the determinism classes differ";
  if (claimed.relaxations != planned.relaxations) return "the sandbox's relaxations differ";
  if (claimed.shards.size() != planned.shards.size())
    return "it has " + std::to_string(claimed.shards.size()) + " shards instead of " + std::to_string(planned.shards.size());
  for (std::size_t i = 0; i < planned.shards.size(); ++i)
    if (claimed.shards[i] != planned.shards[i]) return "shard " + std::to_string(i) + " differs";
  return "they differ";
}

Result<Plan> check_plan(const wire::Bundle& bundle, const Contract& contract, const AdapterPackage& adapter) {
  auto planned = adapter.plan(contract);
  if (!planned) return refute("/plan", "this adapter cannot plan this contract: " + planned.error().message);
  // Which world it was planned for is the hub's version's affair: receipts are held against it, and it is needed to replay.
  if (planned->determinism == Determinism::strict && bundle.plan != planned->canonical())
    if (const auto claimed = parse_plan(bundle.plan)) planned->world = claimed->world;
  // The same bytes are the same plan: one is read only to say in what it differs.
  if (bundle.plan != planned->canonical()) {
    const auto claimed = parse_plan(bundle.plan);
    if (!claimed) return refute("/plan", claimed.error());
    return refute("/plan", "plan_not_planned",
                  "is not what the adapter plans for the contract: " + difference(*claimed, *planned));
  }
  for (std::size_t i = 0; i < planned->shards.size(); ++i)
    if (planned->shards[i].index != i) return refute("/plan", "shard " + std::to_string(i) + " has another index");
  return planned;
}

}  // namespace

Result<Computation> check_computation(const wire::Bundle& bundle) {
  auto contract = check_contract(bundle);
  if (!contract) return fail(contract.error());
  auto adapter = check_adapter(bundle, contract->op);
  if (!adapter) return fail(adapter.error());
  auto plan = check_plan(bundle, *contract, **adapter);
  if (!plan) return fail(plan.error());
  return Computation{std::move(*contract), std::move(*adapter), std::move(*plan), sha256(bundle.plan)};
}

Result<bool> check_pinned(const Computation& computation, const std::vector<Digest>& listed,
                          const std::optional<Digest>& wanted) {
  const Digest& adapter = computation.adapter->digest();
  if (!listed.empty() && std::ranges::find(listed, adapter) == listed.end())
    return refute("/adapter", "adapter_not_listed", "is " + adapter.str() + ", which is none of those in the trusted root");
  if (wanted && *wanted != adapter)
    return refute("/adapter", "adapter_not_yours", "is " + adapter.str() + ", yours is " + wanted->str());
  return computation.contract.op.digest || !listed.empty() || wanted;
}

}  // namespace forgepool::audit
