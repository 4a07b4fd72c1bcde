#include <forgepool/backends/duplication_verifier.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>

#include "verifier/explain.hpp"

namespace forgepool {
namespace {

using Actions = std::vector<VerifierAction>;

class DuplicationVerifier final : public Verifier {
 public:
  explicit DuplicationVerifier(DuplicationVerifierOptions options)
      : options_{.max_executions = std::max(1u, options.max_executions)} {}

  void meet(const VerifierAgent&) override {}

  Actions begin(const VerifierJob& begun) override {
    if (numbers_.contains(begun.id)) return {};
    numbers_.emplace(begun.id, next_job_);
    JobCase& job = jobs_.try_emplace(next_job_++, begun.id, begun.shards, begun.policy, begun.secret).first->second;
    Actions actions;
    for (std::uint32_t index = 0; index < begun.shards; ++index) evaluate(job, index, actions);
    return actions;
  }

  Actions answer(const ShardAnswer& answer) override {
    JobCase* job = find(answer.shard.job);
    if (!job || answer.shard.index >= job->shards.size()) return {};
    ShardCase& shard = job->shards[answer.shard.index];
    const AgentNumber agent = agents_.obtain(answer.agent);
    if (shard.answer_of(agent)) return {};
    shard.answers.push_back({agent, job->lease_number(answer.lease), answer.result});
    job->answered_by[agent].push_back(answer.shard.index);

    Actions actions;
    if (shard.state == ShardCase::State::open)
      evaluate(*job, answer.shard.index, actions);
    else
      judge_late_answer(*job, answer.shard.index, shard.answers.back(), actions);
    follow_up(actions);
    return actions;
  }

  Actions quarantine(const AgentId& id) override {
    Actions actions;
    const AgentNumber agent = agents_.obtain(id);
    if (agents_.put_in_quarantine(agent)) caught_.push_back(agent);
    follow_up(actions);
    return actions;
  }

  Actions pardon(const AgentId& id) override {
    Actions actions;
    const AgentNumber agent = agents_.obtain(id);
    if (agents_.pardon(agent)) reconsider_answers_of(agent, actions);
    follow_up(actions);
    return actions;
  }

  std::vector<AgentCredit> end(const JobId& id) override {
    const auto found = numbers_.find(id);
    if (found == numbers_.end()) return {};
    jobs_.erase(found->second);
    numbers_.erase(found);
    return {};
  }
  void credit(const std::vector<AgentCredit>&) override {}

  AgentStanding standing(const AgentId& id) const override {
    const auto agent = agents_.find(id);
    return agent ? AgentStanding{{}, agents_.in_quarantine(*agent)} : AgentStanding{};
  }

  std::string explain(const ShardId& shard) const override {
    const auto found = numbers_.find(shard.job);
    if (found == numbers_.end()) return {};
    const JobCase& job = jobs_.at(found->second);
    return shard.index < job.shards.size() ? explain_shard(job, shard.index, agents_) : std::string();
  }

 private:
  JobCase* find(const JobId& id) {
    const auto found = numbers_.find(id);
    return found == numbers_.end() ? nullptr : &jobs_.at(found->second);
  }

  /// Decides the shard or asks for what is missing. Whoever is caught by it is left in `caught_`.
  void evaluate(JobCase& job, std::uint32_t index, Actions& actions) {
    ShardCase& shard = job.shards[index];
    if (shard.state != ShardCase::State::open) return;
    const std::uint32_t required = job.required(index);
    const Tally votes = tally(shard, agents_);
    if (votes.support >= required && votes.clear) {
      if (!job.holds_back(index, votes.support)) accept(job, index, votes, actions);
      return;
    }
    const std::uint32_t outstanding = shard.outstanding();
    const std::uint32_t used = static_cast<std::uint32_t>(shard.answers.size()) + outstanding;
    const std::uint32_t room = options_.max_executions > used ? options_.max_executions - used : 0;
    const std::uint32_t count = std::min(missing(job, votes, required, outstanding), room);
    if (count > 0) {
      shard.asked = used + count;
      actions.push_back(Execute{{job.id, index}, count});
    } else if (outstanding == 0) {
      settle(job, index, ShardCase::State::undecided, actions);
    }
  }

  static std::uint32_t missing(const JobCase& job, const Tally& votes, std::uint32_t required, std::uint32_t outstanding) {
    // Fewer than the policy starts with: answers were discarded, or none was asked for yet.
    if (votes.valid + outstanding < required) return required - votes.valid - outstanding;
    if (outstanding > 0) return 0;
    // They disagree. `full` asks for a tie-breaker at a time; `quorum` for as many as could make the leader the winner.
    return job.mode == VerifyMode::quorum && votes.support < required ? required - votes.support : 1;
  }

  void settle(JobCase& job, std::uint32_t index, ShardCase::State state, Actions& actions) {
    ShardCase& shard = job.shards[index];
    shard.state = state;
    if (job.is_checked(index) && --job.open_checks == 0) released_.push_back(job.id);
    const Decision decision = state == ShardCase::State::accepted ? Decision::accepted : Decision::undecided;
    actions.push_back(ShardVerdict{{job.id, index}, decision, shard.result, job.evidence(index, agents_), job.rule(index)});
  }

  void accept(JobCase& job, std::uint32_t index, const Tally& votes, Actions& actions) {
    ShardCase& shard = job.shards[index];
    shard.result = votes.leader;
    shard.support = votes.support;
    settle(job, index, ShardCase::State::accepted, actions);
    for (const KnownAnswer& answer : shard.answers)
      if (answer.result != shard.result) put_in_quarantine(job, index, answer, "returned another result", actions);
  }

  /// An answer for a settled shard cannot change it, but it can show that its agent lies.
  void judge_late_answer(const JobCase& job, std::uint32_t index, const KnownAnswer& answer, Actions& actions) {
    const ShardCase& shard = job.shards[index];
    // A result that nobody else confirmed is no ground to accuse anyone.
    if (shard.state != ShardCase::State::accepted || shard.support < 2 || answer.result == shard.result) return;
    put_in_quarantine(job, index, answer, "returned, late, another result", actions);
  }

  void put_in_quarantine(const JobCase& job, std::uint32_t index, const KnownAnswer& answer, std::string_view what,
                         Actions& actions) {
    if (!agents_.put_in_quarantine(answer.agent)) return;
    const ShardCase& shard = job.shards[index];
    const ShardId id{job.id, index};
    caught_.push_back(answer.agent);
    actions.push_back(
        Quarantine{agents_.id(answer.agent), id, answer.result, shard.result,
                   fmt::format("{} ({}) for shard {} than the {} agents that agreed on {}", what, abbreviate(answer.result),
                               to_string(id), shard.support, abbreviate(shard.result))});
  }

  /// Carries on until nothing follows any more: answers of agents caught are replaced everywhere, which may settle shards,
  /// which may catch further agents. Only then do the shards go that were held back for the checks.
  void follow_up(Actions& actions) {
    while (!caught_.empty() || !released_.empty()) {
      if (!caught_.empty()) {
        const AgentNumber agent = caught_.front();
        caught_.pop_front();
        reconsider_answers_of(agent, actions);
      } else {
        const JobId id = released_.front();
        released_.pop_front();
        JobCase& job = *find(id);
        for (std::uint32_t index = 0; index < job.shards.size(); ++index)
          if (!job.shards[index].answers.empty()) evaluate(job, index, actions);
      }
    }
  }

  void reconsider_answers_of(AgentNumber agent, Actions& actions) {
    for (auto& [number, job] : jobs_) {
      const auto answered = job.answered_by.find(agent);
      if (answered == job.answered_by.end()) continue;
      std::ranges::sort(answered->second);
      for (const std::uint32_t index : answered->second) evaluate(job, index, actions);
    }
  }

  const DuplicationVerifierOptions options_;

  AgentTable agents_;
  std::map<std::uint64_t, JobCase> jobs_;  // In the order they began.
  std::unordered_map<JobId, std::uint64_t> numbers_;
  std::uint64_t next_job_ = 0;
  std::deque<AgentNumber> caught_;  // Empty between calls, as is the next.
  std::deque<JobId> released_;
};

}  // namespace

std::unique_ptr<Verifier> make_duplication_verifier(DuplicationVerifierOptions options) {
  return std::make_unique<DuplicationVerifier>(options);
}

}  // namespace forgepool
