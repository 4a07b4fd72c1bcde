#include "verifier/court.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "verifier/explain.hpp"

namespace forgepool {
namespace {

using Actions = std::vector<VerifierAction>;

class Court final : public Verifier {
 public:
  Court(std::unique_ptr<const Rule> rule, RuleReader read) : rule_(std::move(rule)), read_(std::move(read)) {}

  std::string terms() const override { return rule_->terms(); }
  bool understands(std::string_view terms) const override { return rule_of(terms) != nullptr; }

  void meet(const VerifierAgent& agent) override { agents_.belongs_to(agents_.obtain(agent.id), agent.operator_id); }

  Actions begin(const VerifierJob& begun) override {
    auto rule = rule_of(begun.terms);
    if (numbers_.contains(begun.id) || !rule) return {};
    numbers_.emplace(begun.id, next_job_);
    JobCase& job = jobs_.try_emplace(next_job_++, begun, std::move(rule), epoch_).first->second;
    Actions actions;
    if (job.canary) {
      for (std::uint32_t index = 0; index < begun.shards; ++index) actions.push_back(Execute{{job.id, index}, 1});
      return actions;
    }
    job.rule->begin(job);
    for (std::uint32_t index = 0; index < begun.shards; ++index) evaluate(job, index, actions);
    follow_up(actions);
    return actions;
  }

  Actions answer(const ShardAnswer& answer) override {
    JobCase* job = find(answer.shard.job);
    if (!job || answer.shard.index >= job->shards.size()) return {};
    ShardCase& shard = job->shards[answer.shard.index];
    const AgentNumber agent = agents_.obtain(answer.agent);
    if (shard.answer_of(agent)) return {};
    shard.answers.push_back({agent, job->lease_number(answer.lease), job->orders++, answer.failed, answer.result});
    if (answer.failed) job->failures.insert(answer.result);
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
    const auto agent = agents_.find(id);
    if (agent && agents_.pardon(*agent)) reconsider_answers_of(*agent, actions);
    follow_up(actions);
    return actions;
  }

  void discredit(const AgentId& id, std::uint32_t refuted) override {
    const AgentNumber agent = agents_.obtain(id);
    agents_.set_refuted(agent, refuted);
    lose_trust(agent);
  }

  std::vector<AgentCredit> end(const JobId& id) override {
    const auto found = numbers_.find(id);
    if (found == numbers_.end()) return {};
    std::vector<AgentCredit> earned;
    for (const auto& [agent, checks] : jobs_.at(found->second).earned) earned.push_back({agents_.id(agent), checks});
    std::ranges::sort(earned, {}, &AgentCredit::agent);
    jobs_.erase(found->second);
    numbers_.erase(found);
    credit(earned);
    return earned;
  }

  void credit(const std::vector<AgentCredit>& earned) override {
    if (earned.empty()) return;
    agents_.forget_before(jobs_.empty() ? epoch_ : jobs_.begin()->second.epoch);
    ++epoch_;
    for (const AgentCredit& one : earned) agents_.earn(agents_.obtain(one.agent), one.checks, epoch_);
  }

  AgentStanding standing(const AgentId& id) const override {
    const auto agent = agents_.find(id);
    if (!agent) return {};
    AgentStanding standing{agents_.trust(*agent, epoch_), agents_.in_quarantine(*agent)};
    for (const auto& [number, job] : jobs_)
      if (const auto here = job.earned.find(*agent); here != job.earned.end()) standing.trust.checks += here->second;
    return standing;
  }

  std::string explain(const ShardId& shard) const override {
    const auto found = numbers_.find(shard.job);
    if (found == numbers_.end()) return {};
    const JobCase& job = jobs_.at(found->second);
    return shard.index < job.shards.size() ? explain_shard(job, shard.index, agents_) : std::string();
  }

 private:
  std::shared_ptr<const Rule> rule_of(std::string_view terms) const {
    return terms.empty() || terms == rule_->terms() ? rule_ : read_(terms);
  }

  JobCase* find(const JobId& id) {
    const auto found = numbers_.find(id);
    return found == numbers_.end() ? nullptr : &jobs_.at(found->second);
  }

  /// Decides the shard or asks for what is missing. Whoever is caught by it is left in `caught_`.
  void evaluate(JobCase& job, std::uint32_t index, Actions& actions) {
    ShardCase& shard = job.shards[index];
    if (shard.state != ShardCase::State::open) return;
    const Tally votes = tally(job, index, agents_);
    const Opinion opinion = job.rule->consider(job, index, votes, agents_);
    if (opinion.what == Opinion::What::wait) return;
    if (opinion.what == Opinion::What::accept) return accept(job, index, votes, actions);
    const std::uint32_t outstanding = shard.outstanding();
    const std::uint32_t used = static_cast<std::uint32_t>(shard.answers.size()) + outstanding;
    const std::uint32_t most = job.rule->max_executions();
    const std::uint32_t count = std::min(opinion.count, most > used ? most - used : 0);
    if (count > 0) {
      shard.asked = used + count;
      actions.push_back(Execute{{job.id, index}, count});
    } else if (outstanding == 0) {
      shard.state = ShardCase::State::undecided;
      conclude(job, index, 1, actions);
    }
  }

  void accept(JobCase& job, std::uint32_t index, const Tally& votes, Actions& actions) {
    ShardCase& shard = job.shards[index];
    shard.state = votes.failed ? ShardCase::State::failed : ShardCase::State::accepted;
    shard.result = votes.leader;
    shard.support = votes.support;
    conclude(job, index, error_bound(job.policy.adversary, votes.trust, votes.against), actions);
    // Whether limits suffice may depend on the machine: that executions fail is no ground to accuse anyone, nor to trust.
    if (votes.failed) return;
    for (const KnownAnswer& answer : shard.answers) {
      if (!job.agree(shard.result, answer.result))
        overrule(job, index, answer, "returned another result", actions);
      else if (shard.support >= 2)
        pass(job, answer.agent);
    }
  }

  void conclude(JobCase& job, std::uint32_t index, double bound, Actions& actions) {
    const ShardCase& shard = job.shards[index];
    const auto decision = shard.state == ShardCase::State::accepted ? Decision::accepted
                          : shard.state == ShardCase::State::failed ? Decision::failed
                                                                    : Decision::undecided;
    actions.push_back(
        ShardVerdict{{job.id, index}, decision, shard.result, job.evidence(index, agents_), job.rule->name(job, index), bound});
    Consequences consequences;
    job.rule->settled(job, index, agents_, consequences);
    if (!consequences.reconsider.empty()) released_.emplace_back(job.id, std::move(consequences.reconsider));
    if (consequences.canary) actions.push_back(Canary{job.id});
  }

  void pass(JobCase& job, AgentNumber agent) {
    if (!agents_.in_quarantine(agent)) ++job.earned[agent];
  }

  /// An answer for a settled shard cannot change it, but it can show that its agent lies.
  void judge_late_answer(JobCase& job, std::uint32_t index, const KnownAnswer& answer, Actions& actions) {
    const ShardCase& shard = job.shards[index];
    // A result that nobody else confirmed is no ground to accuse anyone, nor to trust.
    if (shard.state != ShardCase::State::accepted || (shard.support < 2 && !job.canary)) return;
    if (job.agree(shard.result, answer.result))
      pass(job, answer.agent);
    else
      overrule(job, index, answer, job.canary ? "returned another result" : "returned, late, another result", actions);
  }

  void lose_trust(AgentNumber agent) {
    agents_.lose_trust(agent);
    for (auto& [number, other] : jobs_) other.earned.erase(agent);
  }

  /// An answer lost against the accepted one.
  void overrule(JobCase& job, std::uint32_t index, const KnownAnswer& answer, std::string_view what, Actions& actions) {
    if (job.rule->forgives()) return lose_trust(answer.agent);
    if (!answer.failed) return put_in_quarantine(job, index, answer, what, actions);
    if (agents_.in_quarantine(answer.agent)) return;
    const bool forgiven = job.trust(answer.agent, agents_).checks >= refuted_claims_forgiven;
    const std::uint32_t refuted = (forgiven ? 0 : agents_.refuted(answer.agent)) + 1;
    agents_.set_refuted(answer.agent, refuted);
    if (refuted >= refuted_claims_allowed)
      return put_in_quarantine(job, index, answer,
                               fmt::format("claimed for the {}th time that a shard fails which does not", refuted), actions);
    lose_trust(answer.agent);
    actions.push_back(Discredit{agents_.id(answer.agent), {job.id, index}, answer.result, job.shards[index].result, refuted});
  }

  void put_in_quarantine(JobCase& job, std::uint32_t index, const KnownAnswer& answer, std::string_view what,
                         Actions& actions) {
    if (!agents_.put_in_quarantine(answer.agent)) return;
    const ShardCase& shard = job.shards[index];
    const ShardId id{job.id, index};
    caught_.push_back(answer.agent);
    std::string reason = fmt::format("{} ({}) for shard {} than ", what, abbreviate(answer.result), to_string(id));
    reason += job.canary ? fmt::format("the one that was known, {}", abbreviate(shard.result))
                         : fmt::format("the {} agents that agreed on {}", shard.support, abbreviate(shard.result));
    if (job.comparator)
      if (const auto step = job.comparator->first_divergence(shard.result, answer.result))
        reason += fmt::format("; they differ from step {} on", *step);
    actions.push_back(Quarantine{agents_.id(answer.agent), id, answer.result, shard.result, std::move(reason)});
  }

  /// Carries on until nothing follows any more: answers of agents caught are replaced everywhere, which may settle shards,
  /// which may catch further agents. Only then do the shards go that were held back for those that are settled.
  void follow_up(Actions& actions) {
    while (!caught_.empty() || !released_.empty()) {
      if (!caught_.empty()) {
        const AgentNumber agent = caught_.front();
        caught_.pop_front();
        for (auto& [number, job] : jobs_) job.earned.erase(agent);  // Trust is lost at once, everywhere.
        reconsider_answers_of(agent, actions);
      } else {
        const auto [id, indices] = std::move(released_.front());
        released_.pop_front();
        JobCase& job = *find(id);
        for (const std::uint32_t index : indices) evaluate(job, index, actions);
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

  const std::shared_ptr<const Rule> rule_;
  const RuleReader read_;

  AgentTable agents_;
  std::map<std::uint64_t, JobCase> jobs_;  // In the order they began.
  std::unordered_map<JobId, std::uint64_t> numbers_;
  std::uint64_t next_job_ = 0;
  Epoch epoch_ = 0;                 // Of the job that ended last, of those in which something was earned.
  std::deque<AgentNumber> caught_;  // Empty between calls, as is the next.
  std::deque<std::pair<JobId, std::vector<std::uint32_t>>> released_;
};

}  // namespace

std::unique_ptr<Verifier> make_court(std::unique_ptr<const Rule> rule, RuleReader read) {
  return std::make_unique<Court>(std::move(rule), std::move(read));
}

}  // namespace forgepool
