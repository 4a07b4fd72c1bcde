/// The agents of a simulated pool: production agents, whose sandboxes return what their minds make up.
#include "testing/simulated_pool.hpp"
#include "testing/simulation_adapter.hpp"
#include "wire/messages.hpp"

#include <forgepool/backends/memory_transport.hpp>
#include <forgepool/testing/fake_sandbox.hpp>

#include <algorithm>

namespace forgepool::testing {

using namespace std::chrono_literals;

namespace {

Bytes encode_heartbeat(const std::string& lease) {
  wire::fb::HeartbeatT heartbeat;
  heartbeat.leases.push_back(lease);
  return wire::encode(heartbeat);
}

}  // namespace

void SimulatedPool::add_members() {
  for (const auto& group : options_.agents)
    for (std::uint32_t organization = 0; organization < organizations_.size(); ++organization)
      for (std::uint32_t i = 0; i < group.count; ++i)
        add_member(group, organization, group.behaviour == AgentBehaviour::sybil ? group.names_per_operator - 1 : 0);
}

void SimulatedPool::add_member(const AgentGroup& group, std::uint32_t organization, std::uint32_t names_left) {
  // All groups share one ring: the worst that those who lie together can do.
  members_.push_back(std::make_unique<Member>(
      Member{&group, organization, AgentMind(group, options_.seed, random_.next()), Random(random_.next())}));
  Member& member = *members_.back();
  member.names_left = names_left;
  member.faults = make_faults();
  member.network = make_memory_transport(loop_, network_);
  join(member);
}

void SimulatedPool::join(Member& member) {
  if (!member.id.empty()) return;
  // A hub that dies now never answers: then again.
  later(10s, [this, &member] { join(member); });
  if (!hub_) return;
  Invitation invitation;
  invitation.agent.region = member.group->region;
  invitation.agent.tier = member.group->tier;
  const auto invited = [this, &member](Result<std::string> token) {
    if (!token) return;
    enrol(*member.network, {"127.0.0.1", 2, *token}, [this, &member](Result<Credentials> credentials) {
      if (!credentials || !member.id.empty()) return;
      member.credentials = std::move(*credentials);
      member.id = AgentId(member.credentials.name.substr(member.credentials.name.rfind('/') + 1));
      truth_.agents.emplace(member.id, member.group);
      truth_.organization_of.emplace(member.id, member.organization);
      start_agent(member);
    });
  };
  if (member.organization == 0) return hub_->invite(invitation, invited);
  Organization& organization = *organizations_[member.organization];
  if (!organization.operator_client) {
    organization.operator_client =
        connect_client(
            loop_, issue_credentials(organization.identity, "operator", loop_.now(), &organizations_.front()->identity).value(),
            make_memory_transport(loop_, network_), {"127.0.0.1", 1})
            .value();
  }
  organization.operator_client->invite(invitation, invited);
}

void SimulatedPool::start_agent(Member& member) {
  if (member.agent) return;
  FakeSandboxOptions sandbox;
  sandbox.program = [this, &member](const SandboxRequest& request) { return execute(member, request); };
  AgentOptions options;
  options.hub_port = 1;
  options.max_shards_per_lease = static_cast<std::uint32_t>(member.random.between(1, options_.max_shards_per_lease));
  options.concurrent_leases = static_cast<std::uint32_t>(member.random.between(1, 2));
  AgentParts parts{make_faulty_transport(loop_, *member.network, member.random.next(), member.faults),
                   std::make_unique<FakeSandbox>(std::move(sandbox)), nullptr};
  auto agent = forgepool::start_agent(loop_, member.credentials, std::move(parts), options);
  if (!agent) return violations_.add("progress", "an agent cannot start: " + agent.error().message);
  member.agent = std::move(*agent);
}

void SimulatedPool::stop_agent(Member& member, Duration downtime) {
  if (!member.agent) return;
  member.agent.reset();
  later(downtime, [this, &member] { start_agent(member); });
}

SandboxReport SimulatedPool::execute(Member& member, const SandboxRequest& request) {
  const auto time =
      Duration(static_cast<Duration::rep>(member.random.below(static_cast<std::uint64_t>(options_.max_execution.count()))));
  loop_.spend(member.group->behaviour == AgentBehaviour::slow
                  ? Duration(static_cast<Duration::rep>(static_cast<double>(time.count()) * member.group->slowdown))
                  : time);
  if (member.random.chance(options_.faults.failing_executions) && faulty_) {
    ++faults_["failed executions"];
    SandboxReport report;
    report.outcome = {SandboxOutcome::Kind::setup_failed, 0, "fault injected: no memory just now"};
    return report;
  }
  const auto params = std::ranges::find(request.files, "params.json", &SandboxFile::name);
  const std::uint64_t answer = member.mind.answer(shard_key(*params->content));
  // A broken machine may leave anything at all, and never the same.
  const bool garbage = member.group->behaviour == AgentBehaviour::faulty && answer != 0 && member.random.chance(0.3);
  return successful_run({{std::string(shard_output_name), garbage ? to_bytes("garbage " + std::to_string(member.random.next()))
                                                                  : simulation_output(*params->content, answer)}});
}

void SimulatedPool::look_after_sybils() {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Member& member = *members_[i];
    if (member.names_left == 0 || !member.agent || member.agent->statistics().refused.empty()) continue;
    const auto left = std::exchange(member.names_left, 0);
    add_member(*member.group, member.organization, left - 1);
  }
  if (faulty_) later(5s, [this] { look_after_sybils(); });
}

void SimulatedPool::intrude() {
  if (!faulty_) return;
  later(up_to(2s), [this] { intrude(); });
  if (members_.front()->id.empty() || eavesdropper_.loot().empty()) return;
  const Member& member = *members_.front();
  if (!intruder_ || !intruder_->usable()) {
    ConnectOptions options;
    options.port = 1;
    options.identity = member.credentials.identity;
    // Whom it talks to is not what is tested here.
    options.check_peer = [](const std::vector<Bytes>&, Time) -> Result<std::string> { return "hub"; };
    auto connection = intruder_transport_->connect(std::move(options));
    if (!connection) return;
    intruder_ = std::move(*connection);
  }
  const auto& loot = eavesdropper_.loot()[random_.below(eavesdropper_.loot().size())];
  const std::string job = jobs_[random_.below(jobs_.size())]->id.str();
  Request request;
  switch (random_.below(6)) {
    case 0: request = {"POST", "/v1/agent/result", loot.token, eavesdropper_.last_report()}; break;
    case 1: request = {"GET", "/v1/agent/blob/" + adapter_->digest().hex(), loot.token, {}}; break;
    case 2: request = {"POST", "/v1/agent/heartbeat", loot.token, encode_heartbeat(loot.lease)}; break;
    case 3: request = {"GET", "/v1/jobs/" + job, loot.token, {}}; break;
    case 4: request = {"GET", "/v1/jobs", "", {}}; break;
    default: request = {"POST", "/v1/jobs", "", to_bytes(jobs_.front()->contract.canonical)}; break;
  }
  ++faults_["intrusions"];
  intruder_->send(std::move(request), [](const Result<Response>&) {});
}

}  // namespace forgepool::testing
