/// What agents ask of the hub before they report: leases, heartbeats, what their shards need.
#include "crypto/reason.hpp"
#include "hub/hub_core.hpp"

#include <algorithm>

namespace forgepool::hub {
namespace {

std::uint64_t ms_until(Time deadline, Time now) {
  return deadline <= now ? 0 : static_cast<std::uint64_t>((deadline - now) / std::chrono::milliseconds(1));
}

// Of one agent and job: more than it has at work at once.
constexpr std::size_t most_lapsed = 256;

}  // namespace

Status HubCore::admit_agent(const AgentId& id, const Peer& peer) const {
  const auto found = agents_.find(id);
  if (found == agents_.end())
    return refuse(ErrorKind::denied, "agent_unknown", "this agent is not enrolled here; enrol it with a join token");
  if (found->second.key_pin != peer.key_pin)
    return refuse(ErrorKind::denied, "agent_key", "this agent is enrolled with another key; enrol it again");
#if FORGEPOOL_MUTANT != 2  // For tests/simulation: agents in quarantine are let in.
  // Not why: the reason names the job, which agents know by a pseudonym only, and says what others returned.
  if (!found->second.quarantined.empty())
    return refuse(ErrorKind::denied, "agent_quarantined",
                  "this agent is in quarantine; the hub's operator can see why (forgepool hub agents)");
#endif
  return {};
}

Result<AgentRecord*> HubCore::admitted(const AgentId& id, const Peer& peer) {
  if (const auto known = admit_agent(id, peer); !known) return fail(known.error());
  return &agents_.at(id);
}

Status HubCore::measured_numeric_class(const AgentId& id, const std::string& numeric_class) {
  if (!is_valid_id(numeric_class)) return fail(ErrorKind::invalid_input, "numeric_class: expected an id ([A-Za-z0-9._-])");
  if (!agents_.contains(id)) return {};
  auto& measured = measured_classes_[id];
  if (measured == numeric_class) return {};
  if (const auto noted = note_word(id); !noted) return noted;
  measured = numeric_class;
  return {};
}

Status HubCore::note_word(const AgentId& id) {
  // Honest ones say the same until they are started anew, perhaps on another machine.
  constexpr std::uint32_t most = 32;
  auto& said = words_[id];
  if (said >= most)
    return refuse(ErrorKind::denied, "agent_changes",
                  "this agent has said too many different things of its numeric class and its sandbox; enrol it again");
  ++said;
  return {};
}

Status HubCore::offered_sandbox(const AgentId& id, const wire::fb::LeaseAskT& ask) {
  if (ask.sandbox_level.empty()) return {};
  const auto level = parse_sandbox_level(ask.sandbox_level);
  if (!level) return fail(level.error());
  const auto determinism = parse_determinism(ask.determinism);
  if (!determinism) return fail(determinism.error());
  SandboxAbility offered{*level, *determinism, {}};
  if (offered.determinism == Determinism::strict) {
    const auto world = parse_world(ask.world);
    if (!world) return fail(world.error());
    offered.world = *world;
  }
  for (const auto& name : ask.relaxations)
    // One of a later version than ours: nothing that we know asks for it.
    if (const auto relaxation = parse_sandbox_relaxation(name)) offered.policy.allow(*relaxation);
  if (!agents_.contains(id)) return {};
  const auto known = offered_sandboxes_.find(id);
  if (known != offered_sandboxes_.end() && known->second == offered) return {};
  if (const auto noted = note_word(id); !noted) return noted;
  offered_sandboxes_[id] = offered;
  return {};
}

SchedulerAgent HubCore::as_scheduled(const AgentRecord& record) const {
  SchedulerAgent agent = record.agent;
  // What was attested stands. Its own word is as good otherwise: who says a wrong one is compared with machines that differ.
  const auto measured = measured_classes_.find(agent.id);
  if (agent.numeric_class.empty() && measured != measured_classes_.end()) agent.numeric_class = measured->second;
  // Enrolled before the hub was deployed as it is now: nothing goes to it any more.
  if (!check_agent(parts_.options.deployment, parts_.options.region, agent, agent.organization.empty())) agent.draining = true;
  if (const auto offered = offered_sandboxes_.find(agent.id); offered != offered_sandboxes_.end())
    agent.sandbox = offered->second;
  return agent;
}

bool HubCore::owns(const AgentId& id, Action action, const Lease& lease) const {
  const Caller caller{Role::agent, id.str(), "", parts_.identity.trust_domain};
  return authorize(caller, action, {parts_.identity.trust_domain, lease.agent.str()}).has_value();
}

Result<std::optional<wire::fb::LeaseGrantT>> HubCore::take_lease(const AgentId& id, const Peer& peer, std::uint32_t max_shards,
                                                                 bool asks, Time now) {
  const auto agent = admitted(id, peer);
  if (!agent) return fail(agent.error());
  if (asks) {
    last_seen_[id] = now;
    parts_.scheduler.agent_seen(as_scheduled(**agent), now);
  }
  if (pauses_.pauses(id, now)) return std::nullopt;
  const auto wanted = std::clamp<std::uint32_t>(max_shards, 1, parts_.options.max_shards_per_lease);
  const auto lease = parts_.scheduler.grant(id, LeaseId(fresh_id("l-")), wanted, now);
  if (!lease) return std::nullopt;
  Job& job = jobs_.at(lease->job);
  job.running->leases.insert(lease->id);
  forget_lapsed_like(job, *lease);
  gave(job, *lease);
  effects_.put(lease_key(lease->id), write_lease(*lease));
  log_grant(job, *lease);
  changed_jobs_.insert(job.id);
  return describe(*lease, job, mint_lease_token(peer, *lease, job, now), now);
}

wire::fb::LeaseGrantT HubCore::describe(const Lease& lease, const Job& job, std::string token, Time now) const {
  const Plan& plan = job.running->plan;
  wire::fb::LeaseGrantT grant;
  grant.lease = lease.id.str();
  grant.token = std::move(token);
  grant.job = job.pseudonym;
  grant.contract = wire::to_wire_ptr(job.contract_commitment());
  grant.deadline_ms = ms_until(lease.deadline, now);
  grant.adapter = wire::to_wire_ptr(plan.adapter);
  grant.arguments = plan.arguments;
  grant.limits = std::make_unique<wire::fb::LimitsT>(wire::to_wire(plan.limits));
  for (const auto relaxation : plan.relaxations) grant.relaxations.emplace_back(to_string(relaxation));
  grant.determinism = to_string(plan.determinism);
  if (plan.determinism == Determinism::strict) grant.world = world_name(plan.world);
#if FORGEPOOL_MUTANT == 9  // For tests/simulation: agents are told what others returned.
  for (const auto& [digest, output] : job.running->outputs) grant.arguments.push_back(digest.hex());
#endif
  for (const auto index : lease.shards) {
    const ShardSpec& spec = plan.shards.at(index);
    auto shard = std::make_unique<wire::fb::LeaseShardT>();
    shard->index = spec.index;
    shard->params = spec.params;
    for (const auto& input : spec.inputs) {
      auto one = std::make_unique<wire::fb::InputT>();
      one->name = input.name;
      one->digest = wire::to_wire_ptr(input.digest);
      one->executable = input.executable;
      shard->inputs.push_back(std::move(one));
    }
    grant.shards.push_back(std::move(shard));
  }
  return grant;
}

Result<wire::fb::HeartbeatAnswerT> HubCore::heartbeat(const AgentId& id, const Peer& peer,
                                                      const wire::fb::HeartbeatT& heartbeat, Time now) {
  const auto agent = admitted(id, peer);
  if (!agent) return fail(agent.error());
  last_seen_[id] = now;
  parts_.scheduler.agent_seen(as_scheduled(**agent), now);
  wire::fb::HeartbeatAnswerT answer;
  for (const auto& text : heartbeat.leases) {
    const auto lease_id = LeaseId::parse(text);
    if (!lease_id) return fail(lease_id.error());
    if (!parts_.scheduler.extend(*lease_id, id, now) && !resume(*lease_id, id, now)) {
      answer.ended.push_back(text);
      continue;
    }
    const Lease lease = *parts_.scheduler.find(*lease_id);
    effects_.put(lease_key(lease.id), write_lease(lease));
    auto renewed = std::make_unique<wire::fb::RenewedLeaseT>();
    renewed->lease = text;
    renewed->token = mint_lease_token(peer, lease, jobs_.at(lease.job), now);
    renewed->deadline_ms = ms_until(lease.deadline, now);
    answer.renewed.push_back(std::move(renewed));
  }
  return answer;
}

// --- leases that ran out ---------------------------------------------------------------------------------------------

void HubCore::lapse(const std::vector<Lease>& leases) {
  for (const Lease& lease : leases) {
    const auto job = jobs_.find(lease.job);
    if (job == jobs_.end() || !job->second.running) continue;
    auto& lapsed = job->second.running->lapsed[lease.agent];
    if (lapsed.size() < most_lapsed) lapsed.push_back(lease);
  }
  end_leases(leases);
}

const Lease* HubCore::find_lapsed(const LeaseId& id, const AgentId& agent) const {
  for (const auto& job : running_) {
    const auto& lapsed = jobs_.at(job).running->lapsed;
    const auto of_agent = lapsed.find(agent);
    if (of_agent == lapsed.end()) continue;
    const auto found = std::ranges::find(of_agent->second, id, &Lease::id);
    if (found != of_agent->second.end()) return &*found;
  }
  return nullptr;
}

void HubCore::forget_lapsed(const Lease& lease) {
  auto& lapsed = jobs_.at(lease.job).running->lapsed;
  const auto of_agent = lapsed.find(lease.agent);
  std::erase_if(of_agent->second, [id = lease.id](const Lease& one) { return one.id == id; });
  if (of_agent->second.empty()) lapsed.erase(of_agent);
}

void HubCore::forget_lapsed_like(Job& job, const Lease& granted) {
  const auto of_agent = job.running->lapsed.find(granted.agent);
  if (of_agent == job.running->lapsed.end()) return;
  std::erase_if(of_agent->second, [&](const Lease& one) {
    return std::ranges::any_of(one.shards, [&](auto shard) { return std::ranges::binary_search(granted.shards, shard); });
  });
  if (of_agent->second.empty()) job.running->lapsed.erase(of_agent);
}

bool HubCore::resume(const LeaseId& id, const AgentId& agent, Time now) {
  const Lease* lapsed = find_lapsed(id, agent);
  if (!lapsed || !parts_.scheduler.resume(*lapsed, now)) return false;
  jobs_.at(lapsed->job).running->leases.insert(id);
  forget_lapsed(Lease(*lapsed));
  parts_.log.write(LogLevel::info, "lease_resumed", {{"lease", id.str()}, {"agent", agent.str()}});
  return true;
}

Status HubCore::may_fetch(const AgentId& id, const LeaseId& leased, const Digest& digest) const {
  // The token names the lease; the lease, not the token, says what it needs.
  const auto lease = parts_.scheduler.find(leased);
  if (!lease || !owns(id, Action::fetch_blob, *lease))
    return refuse(ErrorKind::denied, "lease_unknown", "the token is not for a lease of yours that is under way");
  const Plan& plan = jobs_.at(lease->job).running->plan;
  if (digest == plan.adapter) return {};
  for (const auto index : lease->shards)
    for (const auto& input : plan.shards.at(index).inputs)
      if (input.digest == digest) return {};
  return refuse(ErrorKind::denied, "blob_not_leased", "the lease does not need this blob");
}

}  // namespace forgepool::hub
