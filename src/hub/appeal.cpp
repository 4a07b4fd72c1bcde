/// What lets an agent out of quarantine: a replay that proves it right. And what follows for those whom it proves wrong.
#include "hub/hub_core.hpp"
#include "identity/dsse.hpp"
#include "identity/verdict.hpp"
#include "wire/json.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::hub {

namespace {

/// Who agreed on what was accepted of the shard, as the hub's verdict says. Nobody if there is none (any more).
Result<std::vector<AgentId>> agreed_on(const std::optional<Bytes>& sealed, const Job& job, std::uint32_t shard) {
  std::vector<AgentId> agents;
  if (!sealed) return agents;
  const auto record = open_record(*job.key, verdict_key(job.id, shard), *sealed);
  if (!record) return fail(record.error());
  const auto statement = read_statement(*record);
  if (!statement) return fail(statement.error());
  const auto envelope = identity::parse_envelope(statement->envelope);
  if (!envelope) return fail(envelope.error());
  const auto verdict = identity::parse_verdict(as_text(envelope->payload));
  if (!verdict) return fail(verdict.error());
  for (const Evidence& answer : verdict->shard.evidence)
    if (answer.agrees) agents.push_back(answer.agent);
  return agents;
}

}  // namespace

Result<AgentSummary> HubCore::appeal(const AgentId& id, const Appeal& appeal, const std::optional<Bytes>& sealed_verdict,
                                     Time now) {
  const auto found = agents_.find(id);
  if (found == agents_.end()) return fail(ErrorKind::not_found, "there is no agent " + id.str() + "; `hub agents` lists them");
  AgentRecord& record = found->second;
  if (record.revoked)
    return fail(ErrorKind::conflict, "agent " + id.str() + " was revoked, and no replay brings it back; enrol it again");
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
  const auto wrong = agreed_on(sealed_verdict, job->second, appeal.shard);
  if (!wrong) return fail(wrong.error());
  Job& overturned = job->second;
  const CaughtAgent upheld = *charge;
  overturned.caught.erase(charge);
  record.quarantined.clear();
  record.caught_in.reset();
  effects_.put(agent_key(id), write_agent(record));
  journal(AgentPardoned{id}, nullptr);
  log_event(overturned, "appeal",
            json::canonicalize(json::Object{
                {"agent", id.str()}, {"job", appeal.job.str()}, {"replayed", appeal.replayed.str()}, {"shard", appeal.shard}}));
  overturned.overturned.insert(appeal.shard);
  overturned.notes[appeal.shard] = fmt::format(
      "on appeal of agent {}, a replay gave what it had returned ({}): what was accepted ({}) is wrong, and so is the "
      "job's result",
      id.str(), upheld.returned.str(), upheld.accepted.str());
  know_no_more(overturned.id, now);
  parts_.log.write(LogLevel::warning, "appeal_upheld",
                   {{"agent", id.str()}, {"shard", to_string(ShardId{appeal.job, appeal.shard})}});
  apply(parts_.verifier.pardon(id), now);
  for (const AgentId& agent : *wrong) {
    const Quarantine caught{
        agent,
        {appeal.job, appeal.shard},
        upheld.accepted,
        appeal.replayed,
        fmt::format("agreed on {} for shard {}, which a replay showed to be wrong on appeal of another agent",
                    upheld.accepted.str(), to_string(ShardId{appeal.job, appeal.shard}))};
    if (!bench(caught, now)) continue;
    overturned.caught.push_back({agent, appeal.shard, caught.returned, caught.accepted, caught.reason});
    publish(caught, {});
    apply(parts_.verifier.quarantine(agent), now);
  }
  changed(overturned);
  save(overturned);
  new_work_ = true;
  return summary(record, now);
}

}  // namespace forgepool::hub
