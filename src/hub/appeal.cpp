/// What lets an agent out of quarantine: a replay that proves it right.
#include "hub/hub_core.hpp"
#include "wire/json.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::hub {

Result<AgentSummary> HubCore::appeal(const AgentId& id, const Appeal& appeal, Time now) {
  const auto found = agents_.find(id);
  if (found == agents_.end()) return fail(ErrorKind::not_found, "there is no agent " + id.str() + "; `hub agents` lists them");
  AgentRecord& record = found->second;
  if (record.revoked) return fail(ErrorKind::conflict, "agent " + id.str() + " was revoked, and no replay brings it back; enrol it again");
  if (record.quarantined.empty()) return fail(ErrorKind::conflict, "agent " + id.str() + " is not in quarantine");
  const auto job = jobs_.find(appeal.job);
  if (job == jobs_.end()) return fail(ErrorKind::not_found, "there is no job " + appeal.job.str());
  const auto charge = std::ranges::find_if(
      job->second.caught, [&](const CaughtAgent& caught) { return caught.agent == id && caught.shard == appeal.shard; });
  if (charge == job->second.caught.end())
    return fail(ErrorKind::not_found,
                fmt::format("agent {} was not caught at shard {} of job {}; `status` of its job says where", id.str(),
                            appeal.shard, appeal.job.str()));
  for (const auto& other : running_)
    if (jobs_.at(other).running->agents.contains(id))
      return fail(ErrorKind::conflict, "answers of agent " + id.str() + " stand in the evidence of job " + other.str() +
                                           ", which runs; appeal again when it has ended");
  if (appeal.replayed != charge->returned)
    return fail(ErrorKind::conflict,
                fmt::format("the replay of shard {} gave {}, {}, and not {}, which the agent returned: it stays in quarantine",
                            appeal.shard, appeal.replayed.str(),
                            appeal.replayed == charge->accepted ? "which was accepted" : "which nobody was asked about",
                            charge->returned.str()));
  record.quarantined.clear();
  effects_.put(agent_key(id), write_agent(record));
  journal(AgentPardoned{id}, nullptr);
  log_event(job->second, "appeal",
            json::canonicalize(json::Object{
                {"agent", id.str()}, {"job", appeal.job.str()}, {"replayed", appeal.replayed.str()}, {"shard", appeal.shard}}));
  job->second.notes[appeal.shard] =
      fmt::format("on appeal of agent {}, a replay gave what it had returned ({}): what was accepted ({}) is wrong", id.str(),
                  charge->returned.str(), charge->accepted.str());
  changed(job->second);
  save(job->second);
  parts_.log.write(LogLevel::warning, "appeal_upheld",
                   {{"agent", id.str()}, {"shard", to_string(ShardId{appeal.job, appeal.shard})}});
  apply(parts_.verifier.pardon(id), now);
  new_work_ = true;
  return summary(record, now);
}

}  // namespace forgepool::hub
