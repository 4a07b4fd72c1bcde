#include "testing/grant_checker.hpp"

#include "testing/evidence_checker.hpp"
#include "wire/messages.hpp"

#include <algorithm>

namespace forgepool::testing {
namespace {

bool contains(ByteView bytes, const Digest& digest) {
  const std::string hex = digest.hex();
  return std::ranges::search(bytes, digest.bytes).begin() != bytes.end() || as_text(bytes).find(hex) != std::string_view::npos;
}

/// What is sent, without the tokens: their signatures are by keys that differ from run to run.
Bytes without_tokens(const std::string& path, const Bytes& body) {
  if (path == "/v1/agent/lease") {
    if (auto grant = wire::decode<wire::fb::LeaseGrantT>(body)) {
      grant->token = "token";
      return wire::encode(*grant);
    }
  } else if (path == "/v1/agent/heartbeat") {
    if (auto answer = wire::decode<wire::fb::HeartbeatAnswerT>(body)) {
      for (auto& renewed : answer->renewed) renewed->token = "token";
      return wire::encode(*answer);
    }
  }
  return body;
}

}  // namespace

void GrantChecker::note(const AgentId& agent, std::string_view what) {
  if (reported_.contains(agent)) return;
  std::uint64_t& hash = told_.try_emplace(agent.str(), 0xcbf29ce484222325u).first->second;
  for (const char c : what) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3u;
  hash = (hash ^ 0xff) * 0x100000001b3u;
}

void GrantChecker::requested(const Peer& peer, const Request& request) {
  if (request.path != "/v1/agent/result") return;
  const auto agent = agent_of(peer);
  const auto report = agent ? wire::decode<wire::fb::LeaseResultT>(request.body) : fail(ErrorKind::invalid_input, "");
  const auto given = report ? leases_.find(report->lease) : leases_.end();
  if (given == leases_.end() || given->second.agent != *agent) return;
  reported_.insert(*agent);
  reports_[request.authorization] = report->lease;
  for (const auto& result : report->shards) {
    const auto shard = given->second.shards.find(result->index);
    if (shard == given->second.shards.end() || result->outcome != "exited") continue;
    const Digest digest = sha256(result->output);
    const JobTruth& job = truth_.jobs.at(shard->second.job);
    // What nobody can read is a failure, which is no lie yet.
    given->second.lied |= digest != job.right.at(shard->second.index) && !as_text(result->output).starts_with("garbage");
    Shard& known = shards_[shard->second];
    known.answered[*agent].insert(given->second.job);
    known.answers[digest].insert(*agent);
  }
}

void GrantChecker::take_grant(const AgentId& agent, ByteView body) {
  const auto grant = wire::decode<wire::fb::LeaseGrantT>(body);
  if (!grant) return;
  Given given{{}, agent, grant->job};
  for (const auto& shard : grant->shards) {
    const auto found = truth_.shards.find(shard->params);
    if (found == truth_.shards.end())
      return violations_.add("canaries", "agent " + agent.str() + " was given a shard of no job that was submitted");
    const ShardId& id = found->second;
    const JobTruth& job = truth_.jobs.at(id.job);
    const auto group = truth_.agents.find(agent);
    const auto& regions = job.policy.regions;
    if (group == truth_.agents.end() ||
        (!regions.empty() && std::ranges::find(regions, group->second->region) == regions.end()))
      violations_.add("residency",
                      "shard " + to_string(id) + " went to agent " + agent.str() + ", which is not in its contract's regions");
    const auto name = names_.try_emplace(id.job, grant->job).first->second;
    const auto owner = pseudonyms_.try_emplace(grant->job, id.job).first->second;
    violations_.expect(owner == id.job, "canaries", "shards of two jobs stand under the pseudonym " + grant->job);
    given.canary = name != grant->job;
    // Under the same name it may come again, if what it said was refused: its lease had run out.
    const auto answered = shards_[id].answered.find(agent);
    if (given.canary && answered != shards_[id].answered.end() && *answered->second.begin() != grant->job)
      violations_.add("canaries",
                      "agent " + agent.str() + " was given shard " + to_string(id) + " again, which it had answered");
    given.shards.emplace(shard->index, id);
  }
  if (leases_.contains(grant->lease)) return;  // The answer to a request that was sent twice.
  canaries_ += given.canary ? given.shards.size() : 0;
  current_[agent] = grant->lease;
  leases_.emplace(grant->lease, std::move(given));
}

void GrantChecker::check_told(const AgentId& agent, const Request& request, const Response& response) {
  const auto lease = current_.find(agent);
  if (lease == current_.end()) return;
  for (const auto& [index, id] : leases_.at(lease->second).shards) {
    const Shard& shard = shards_[id];
    if (shard.answered.contains(agent)) continue;
    for (const auto& [digest, agents] : shard.answers)
      if (contains(response.body, digest))
        violations_.add("commitment", "agent " + agent.str() + " was sent " + digest.str() + ", another's answer for shard " +
                                          to_string(id) + ", by " + request.path + " before its own was in");
  }
}

void GrantChecker::responded(const Peer& peer, const Request& request, const Response& response) {
  const auto agent = agent_of(peer);
  if (!agent) return;
  const bool served = response.status / 100 == 2;
  if (served && request.path == "/v1/agent/lease" && !response.body.empty()) take_grant(*agent, response.body);
  check_told(*agent, request, response);
  note(*agent, request.path);
  note(*agent, as_text(without_tokens(request.path, response.body)));
  const auto report = served && request.path == "/v1/agent/result" ? reports_.find(request.authorization) : reports_.end();
  if (report == reports_.end() || truth_.in_league() >= 2) return;  // Who lies together may have lied before.
  const Given& given = leases_.at(report->second);
  violations_.expect(!given.canary || !given.lied || in_quarantine_.contains(*agent), "canaries",
                     "agent " + agent->str() + " returned a wrong result for a canary, and goes on");
}

}  // namespace forgepool::testing
