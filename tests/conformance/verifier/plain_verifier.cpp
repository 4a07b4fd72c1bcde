#include "plain_verifier.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace forgepool::testing {
namespace {

using Actions = std::vector<VerifierAction>;

class PlainVerifier final : public Verifier {
 public:
  void meet(const VerifierAgent&) override {}

  Actions begin(const VerifierJob& job) override {
    Actions actions;
    if (!jobs_.insert(job.id).second) return actions;
    for (std::uint32_t i = 0; i < job.shards; ++i) {
      Shard& shard = shards_[{job.id, i}];
      if (i < job.known.size()) {
        shard.known = job.known[i];
        actions.push_back(Execute{{job.id, i}, 1});
      } else {
        consider({job.id, i}, shard, actions);
      }
    }
    return actions;
  }

  Actions answer(const ShardAnswer& answer) override {
    Actions actions;
    const auto shard = shards_.find(answer.shard);
    if (shard == shards_.end() ||
        std::ranges::find(shard->second.answers, answer.agent, &ShardAnswer::agent) != shard->second.answers.end())
      return actions;
    shard->second.answers.push_back(answer);
    if (shard->second.outstanding > 0) --shard->second.outstanding;
    consider(answer.shard, shard->second, actions);
    return actions;
  }

  Actions quarantine(const AgentId& agent) override {
    Actions actions;
    if (quarantined_.insert(agent).second) reconsider(actions);
    return actions;
  }

  Actions pardon(const AgentId& agent) override {
    Actions actions;
    if (quarantined_.erase(agent) > 0) refuted_.erase(agent), reconsider(actions);
    return actions;
  }

  std::vector<AgentCredit> end(const JobId& job) override {
    jobs_.erase(job);
    std::erase_if(shards_, [&](const auto& entry) { return entry.first.job == job; });
    return {};
  }
  void discredit(const AgentId& agent, std::uint32_t refuted) override { refuted_[agent] = refuted; }
  void credit(const std::vector<AgentCredit>&) override {}
  AgentStanding standing(const AgentId& agent) const override { return {{}, quarantined_.contains(agent)}; }

  std::string explain(const ShardId& id) const override {
    const auto shard = shards_.find(id);
    if (shard == shards_.end()) return {};
    return std::to_string(shard->second.answers.size()) + " answers" + (shard->second.decided ? ", decided" : "");
  }

 private:
  struct Shard {
    std::vector<ShardAnswer> answers;
    std::uint32_t outstanding = 0;
    bool decided = false;
    std::optional<Digest> known{};  // Of a canary.
  };

  void reconsider(Actions& actions) {
    for (auto& [id, shard] : shards_)
      if (!shard.answers.empty()) consider(id, shard, actions);
  }

  void consider(const ShardId& id, Shard& shard, Actions& actions) {
    if (shard.known) return test(id, shard, actions);
    if (shard.decided) return;
    std::map<Digest, std::uint32_t> votes;
    std::uint32_t valid = 0;
    for (const auto& answer : shard.answers)
      if (!quarantined_.contains(answer.agent)) ++valid, ++votes[answer.result];
    for (const auto& [digest, count] : votes)
      if (count >= 2 && 2 * count > valid) return decide(id, shard, digest, count, actions);
    if (valid + shard.outstanding < 3 || shard.outstanding == 0) {
      ++shard.outstanding;
      actions.push_back(Execute{id, 1});
      consider(id, shard, actions);
    }
  }

  void test(const ShardId& id, const Shard& shard, Actions& actions) {
    const ShardAnswer& last = shard.answers.back();
    if (last.result != *shard.known && overrule(id, last, *shard.known, actions)) reconsider(actions);
  }

  void decide(const ShardId& id, Shard& shard, const Digest& result, std::uint32_t count, Actions& actions) {
    shard.decided = true;
    const bool failed = std::ranges::find(shard.answers, result, &ShardAnswer::result)->failed;
    std::vector<Evidence> evidence;
    for (const auto& answer : shard.answers)
      evidence.push_back({answer, answer.result == result && !quarantined_.contains(answer.agent)});
    actions.push_back(ShardVerdict{id, failed ? Decision::failed : Decision::accepted, result, std::move(evidence),
                                   "majority of " + std::to_string(shard.answers.size()) + ", " + std::to_string(count)});
    if (failed) return;
    bool caught = false;
    for (const auto& answer : shard.answers)
      if (answer.result != result) caught |= overrule(id, answer, result, actions);
    if (caught) reconsider(actions);
  }

  /// True if its agent is caught by it.
  bool overrule(const ShardId& id, const ShardAnswer& answer, const Digest& accepted, Actions& actions) {
    if (quarantined_.contains(answer.agent)) return false;
    if (answer.failed && ++refuted_[answer.agent] < refuted_claims_allowed) {
      actions.push_back(Discredit{answer.agent, id, answer.result, accepted, refuted_[answer.agent]});
      return false;
    }
    quarantined_.insert(answer.agent);
    actions.push_back(Quarantine{answer.agent, id, answer.result, accepted, "lost against the majority"});
    return true;
  }

  std::set<JobId> jobs_;
  std::map<ShardId, Shard> shards_;
  std::set<AgentId> quarantined_;
  std::map<AgentId, std::uint32_t> refuted_;
};

}  // namespace

std::unique_ptr<Verifier> make_plain_verifier() {
  return std::make_unique<PlainVerifier>();
}

}  // namespace forgepool::testing
