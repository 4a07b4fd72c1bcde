#pragma once
/// What was to be computed: the contract, the adapter that gives it its meaning, and the plan that follows from the two.
#include "wire/bundle.hpp"

#include <forgepool/adapter.hpp>

namespace forgepool::audit {

struct Computation {
  Contract contract;
  std::shared_ptr<const AdapterPackage> adapter;
  Plan plan;
  Digest plan_digest;

  std::uint32_t shards() const { return static_cast<std::uint32_t>(plan.shards.size()); }
};

/// Checks that contract and plan are in their one canonical form, that the package is whole and the one that the contract asks
/// for, and that the plan is what planning this contract with this package gives: a plan is never believed.
Result<Computation> check_computation(const wire::Bundle& bundle);

/// Checks that the adapter is one that the trusted root lists, if it lists any, and the one that the auditor has, if there is
/// one. True if anything said which package it has to be: then it was not the hub's choice.
Result<bool> check_pinned(const Computation& computation, const std::vector<Digest>& listed,
                          const std::optional<Digest>& wanted);

}  // namespace forgepool::audit
