#include <forgepool/scheduler.hpp>

#include <algorithm>

namespace forgepool {
namespace {

bool contains(const std::vector<std::string>& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

bool may_run(const SchedulerAgent& agent, const SchedulerJob& job) {
  if (agent.adapters.empty() || job.adapter.empty()) return true;
  return contains(agent.adapters, job.adapter) ||
         contains(agent.adapters, std::string_view(job.adapter).substr(0, job.adapter.find('@')));
}

}  // namespace

std::string_view to_string(Constraint constraint) {
  switch (constraint) {
    case Constraint::organization: return "organization";
    case Constraint::tier: return "tier";
    case Constraint::region: return "region";
    case Constraint::data_class: return "data_class";
    case Constraint::adapter: return "adapter";
    case Constraint::numeric_class: return "numeric_class";
    case Constraint::sandbox: return "sandbox";
  }
  return "unknown";
}

std::vector<Constraint> unmet_constraints(const SchedulerAgent& agent, const SchedulerJob& job) {
  std::vector<Constraint> unmet;
  if (!agent.organization.empty() && agent.organization != job.organization) unmet.push_back(Constraint::organization);
  if (job.target != "any" && job.target != agent.tier) unmet.push_back(Constraint::tier);
#if FORGEPOOL_MUTANT != 7  // For tests/simulation: regions are forgotten.
  if (!job.regions.empty() && !contains(job.regions, agent.region)) unmet.push_back(Constraint::region);
#endif
  if (!job.data_class.empty() && !contains(agent.data_classes, job.data_class)) unmet.push_back(Constraint::data_class);
  if (!may_run(agent, job)) unmet.push_back(Constraint::adapter);
  const bool wrong_class = !job.numeric_class.empty() && job.numeric_class != agent.numeric_class;
  if (wrong_class || (job.homogeneous && agent.numeric_class.empty())) unmet.push_back(Constraint::numeric_class);
  if (!agent.sandbox.covers(job.sandbox)) unmet.push_back(Constraint::sandbox);
  return unmet;
}

bool may_share_shard(const SchedulerAgent& agent, const SchedulerAgent& other, const SchedulerJob& job) {
  if (job.homogeneous && !other.numeric_class.empty() && other.numeric_class != agent.numeric_class) return false;
  return !(job.spread.operators && other.operator_id == agent.operator_id) &&
         !(job.spread.networks && other.network == agent.network) && !(job.spread.regions && other.region == agent.region);
}

}  // namespace forgepool
