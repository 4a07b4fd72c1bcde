#include "majority_verifier.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace forgepool::testing {
namespace {

using Actions = std::vector<VerifierAction>;

class MajorityVerifier final : public Verifier {
 public:
  Actions begin(const JobId& job, std::uint32_t shards, const ContractPolicy&, const std::array<std::uint8_t, 32>&) override {
    Actions actions;
    if (jobs_.insert(job).second)
      for (std::uint32_t i = 0; i < shards; ++i) consider({job, i}, shards_[{job, i}], actions);
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

  void end(const JobId& job) override {
    jobs_.erase(job);
    std::erase_if(shards_, [&](const auto& entry) { return entry.first.job == job; });
  }

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
  };

  void reconsider(Actions& actions) {
    for (auto& [id, shard] : shards_)
      if (!shard.answers.empty()) consider(id, shard, actions);
  }

  void consider(const ShardId& id, Shard& shard, Actions& actions) {
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

  void decide(const ShardId& id, Shard& shard, const Digest& result, std::uint32_t count, Actions& actions) {
    shard.decided = true;
    actions.push_back(ShardVerdict{id, Decision::accepted, result, shard.answers,
                                   "majority of " + std::to_string(shard.answers.size()) + ", " + std::to_string(count)});
    bool caught = false;
    for (const auto& answer : shard.answers) {
      if (answer.result == result || !quarantined_.insert(answer.agent).second) continue;
      caught = true;
      actions.push_back(Quarantine{answer.agent, id, answer.result, result, "lost against the majority"});
    }
    if (caught) reconsider(actions);
  }

  std::set<JobId> jobs_;
  std::map<ShardId, Shard> shards_;
  std::set<AgentId> quarantined_;
};

}  // namespace

std::unique_ptr<Verifier> make_majority_verifier() {
  return std::make_unique<MajorityVerifier>();
}

}  // namespace forgepool::testing
