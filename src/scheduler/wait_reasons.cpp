#include "scheduler/wait_reasons.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace forgepool {
namespace {

// People look at progress several times a second; a look must not cost a walk over millions of shards.
constexpr std::uint64_t most_examined = 4096;

std::string agents_there(std::uint64_t count) {
  return count == 1 ? "1 agent is there" : fmt::format("{} agents are there", count);
}

std::string where(const SchedulerJob& job) {
  return job.regions.empty() ? "" : fmt::format(" in the job's regions ({})", fmt::join(job.regions, ", "));
}

WaitReason used_up_reason(const UsedUp& used_up, std::uint64_t eligible, const SchedulerJob& job) {
  return {"agents_used",
          fmt::format("{}{} waiting shards were already given to every one of the {} agents{} that may work on them, and "
                      "no agent gets a shard twice: another agent must join",
                      used_up.complete ? "" : "at least ", used_up.shards, eligible, where(job))};
}

WaitReason capacity_reason(const JobQueue& job, const AgentCount& eligible) {
  if (job.working_agents() >= job.job().max_agents)
    return {"max_agents", fmt::format("{} agents hold shards of the job, and its max_agents is {}: waiting for one of them",
                                      job.working_agents(), job.job().max_agents)};
  if (eligible.busy >= eligible.present)
    return {"all_agents_busy", fmt::format("{}{}, all of them at work: waiting for one to finish, or for another to join",
                                           agents_there(eligible.present), where(job.job()))};
  return {"waiting_for_agents_to_ask",
          fmt::format("{}{}, {} of them idle: waiting for one to ask for work", agents_there(eligible.present),
                      where(job.job()), eligible.present - eligible.busy)};
}

}  // namespace

std::vector<WaitReason> wait_reasons(const JobQueue& job, const AgentRegistry& agents) {
  if (job.waiting() == 0) return {};
  const std::uint64_t present = agents.everywhere().present;
  const AgentCount eligible = job.eligible();
  if (present == 0) return {{"no_agents", "no agent is there: start one, or see why they cannot connect"}};
  if (eligible.present == 0)
    return {{"region", fmt::format("{}, none of them{}: one must join there", agents_there(present), where(job.job()))}};
  if (!job.begun() && eligible.present < job.job().min_agents)
    return {{"too_few_agents",
             fmt::format("{}{}, and the job's min_agents is {}: {} more must join", agents_there(eligible.present),
                         where(job.job()), job.job().min_agents, job.job().min_agents - eligible.present)}};
  std::vector<WaitReason> reasons;
  const UsedUp used_up = job.used_up(most_examined);
  if (used_up.shards > 0) reasons.push_back(used_up_reason(used_up, eligible.present, job.job()));
  if (used_up.others || !used_up.complete) reasons.push_back(capacity_reason(job, eligible));
  return reasons;
}

}  // namespace forgepool
