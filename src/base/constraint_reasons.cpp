#include "base/constraint_reasons.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace forgepool {
namespace {

/// What an agent that meets the constraint is, after "are not ".
std::string wanted(Constraint constraint, const SchedulerJob& job) {
  switch (constraint) {
    case Constraint::organization:
      return job.organization.empty() ? "free to work for any organization"
                                      : "free to work for the organization " + job.organization.str();
    case Constraint::tier: return "of the tier " + job.target;
    case Constraint::region:
      return fmt::format("in the region{} {}", job.regions.size() == 1 ? "" : "s", fmt::join(job.regions, ", "));
    case Constraint::data_class: return "cleared for data of the class " + job.data_class;
    case Constraint::adapter: return "allowed to run " + job.adapter;
    case Constraint::numeric_class:
      return job.numeric_class.empty() ? "of a known numeric class" : "of the numeric class " + job.numeric_class;
    case Constraint::sandbox:
      return fmt::format("sandboxed at level {} or better, of determinism class {}, granting {}", to_string(job.sandbox.level),
                         job.sandbox.determinism == Determinism::strict
                             ? "strict in " + world_name(job.sandbox.world)
                             : std::string(to_string(job.sandbox.determinism)) + " or stricter",
                         job.sandbox.policy.denies_all() ? "no relaxations" : to_string(job.sandbox.policy));
  }
  return "";
}

}  // namespace

WaitReason constraint_reason(Constraint constraint, std::uint64_t agents, std::uint64_t present, const SchedulerJob& job) {
  const std::string what = wanted(constraint, job);
  return {std::string(to_string(constraint)),
          fmt::format("{} of the {} agents that are there {} not {}", agents, present, agents == 1 ? "is" : "are", what),
          agents, "an agent must join that is " + what};
}

}  // namespace forgepool
