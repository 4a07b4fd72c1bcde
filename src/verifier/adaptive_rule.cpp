#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <forgepool/backends/adaptive_verifier.hpp>

#include "verifier/court.hpp"
#include "verifier/duplication_rule.hpp"

namespace forgepool {
namespace {

/// As many more agents like those that agree so far as it takes until the bound is met.
std::uint32_t more_needed(const ContractPolicy& policy, const Tally& votes, double bound) {
  if (policy.adversary.collusion) {
    const std::uint32_t lead = lead_needed(policy.adversary, policy.max_error) + votes.against;
    return lead > votes.support ? lead - votes.support : 1;
  }
  if (votes.against > 0 || bound <= policy.max_error) return 1;
  double log_odds = 0;
  for (const AgentTrust& agent : votes.trust) {
    const double lied = lie_bound(policy.adversary, agent);
    log_odds += std::log(lied / (1 - lied));
  }
  const double missing = std::log(policy.max_error / (1 - policy.max_error)) - log_odds;
  // An agent on probation proves nothing yet: others will.
  const double each = std::min(log_odds / votes.support, std::log(policy.adversary.fraction / (1 - policy.adversary.fraction)));
  return std::max(1u, static_cast<std::uint32_t>(std::ceil(missing / each - 1e-9)));
}

class AdaptiveRule final : public Rule {
 public:
  AdaptiveRule(double canary_ratio, double min_spotcheck_ratio)
      : canary_ratio_(canary_ratio), min_spotcheck_ratio_(min_spotcheck_ratio) {}

  void begin(JobCase& job) const override {
    job.policy.spotcheck_ratio = std::max(job.policy.spotcheck_ratio, min_spotcheck_ratio_);
    if (!is_adaptive(job)) return fixed_.begin(job);
    if (!job.policy.adversary.collusion) job.choose_checked();
  }

  Opinion consider(JobCase& job, std::uint32_t index, const Tally& votes, const AgentTable& agents) const override {
    if (!is_adaptive(job)) return fixed_.consider(job, index, votes, agents);
    const std::uint32_t outstanding = job.shards[index].outstanding();
    if (votes.valid == 0) {
      const std::uint32_t first = first_asked(job, index);
      return {Opinion::What::ask, first > outstanding ? first - outstanding : 0};
    }
    const double bound = error_bound(job.policy.adversary, votes.trust, votes.against);
    if (enough(job, index, votes, bound)) {
      if (!votes.only || !held(job, *votes.only, index)) return {Opinion::What::accept};
      return {Opinion::What::wait};
    }
    for (const KnownAnswer& answer : job.shards[index].answers)
      if (!agents.in_quarantine(answer.agent)) job.dockets[answer.agent].comparing.emplace(answer.order, index);
    return {Opinion::What::ask, outstanding > 0 ? 0 : more_needed(job.policy, votes, bound)};
  }

  void settled(JobCase& job, std::uint32_t index, const AgentTable& agents, Consequences& consequences) const override {
    if (!is_adaptive(job)) return fixed_.settled(job, index, agents, consequences);
    const ShardCase& shard = job.shards[index];
    for (const KnownAnswer& answer : shard.answers) release(job, answer, consequences.reconsider);
    consequences.canary =
        shard.state == ShardCase::State::accepted && canary_ratio_ > 0 && draw(job, "canary", index) < canary_ratio_;
  }

  std::string name(const JobCase& job, std::uint32_t index) const override {
    if (!is_adaptive(job)) return fixed_.name(job, index);
    const ShardCase& shard = job.shards[index];
    if (shard.state == ShardCase::State::undecided)
      return fmt::format("adaptive undecided: {} answers do not lead to {:g}", shard.answers.size(), job.policy.max_error);
    return fmt::format("adaptive{} {} of {}", job.is_checked(index) ? " checked" : "", shard.support, shard.answers.size());
  }

  std::string missing(const JobCase& job, std::uint32_t index, const Tally& votes) const override {
    if (!is_adaptive(job)) return fixed_.missing(job, index, votes);
    const ContractPolicy& policy = job.policy;
    const double bound = error_bound(policy.adversary, votes.trust, votes.against);
    if (votes.valid > 0 && enough(job, index, votes, bound))
      return fmt::format("answered; held back until earlier answers of its agent are compared (P(wrong) ≤ {:.2g})", bound);
    std::string text = fmt::format("waiting for {} executions", job.shards[index].outstanding());
    if (votes.valid == 0) return text;
    text += fmt::format(": {} of {} answers that count agree, P(wrong) ≤ {:.2g}, asked for is {:g}", votes.support, votes.valid,
                        bound, policy.max_error);
    if (votes.only && bound <= policy.max_error) text += "; this one is compared in any case";
    if (votes.only && bound > policy.max_error && !policy.adversary.collusion)
      text += fmt::format("; its agent passed {} checks, {} would do", votes.trust.front().checks,
                          checks_needed(policy.adversary, policy.max_error));
    return text;
  }

 private:
  static bool is_adaptive(const JobCase& job) { return job.policy.verify == VerifyMode::adaptive; }

  static std::uint32_t first_asked(const JobCase& job, std::uint32_t index) {
    if (job.policy.adversary.collusion) return lead_needed(job.policy.adversary, job.policy.max_error);
    return job.is_checked(index) ? 2 : 1;
  }

  static bool enough(const JobCase& job, std::uint32_t index, const Tally& votes, double bound) {
    if (!votes.clear || bound > job.policy.max_error) return false;
    // Nobody is accused on the word of one agent, and what is to be compared is.
    return votes.support >= 2 || (votes.against == 0 && !job.is_checked(index));
  }

  /// Notes that the answer waits if earlier ones of its agent are being compared.
  static bool held(JobCase& job, const KnownAnswer& answer, std::uint32_t index) {
    const auto found = job.dockets.find(answer.agent);
    if (found == job.dockets.end()) return false;
    Docket& docket = found->second;
    if (docket.comparing.empty() || docket.comparing.begin()->first >= answer.order) return false;
    const auto place = std::ranges::lower_bound(docket.held, std::pair(answer.order, index));
    if (place == docket.held.end() || place->first != answer.order) docket.held.insert(place, {answer.order, index});
    return true;
  }

  static void release(JobCase& job, const KnownAnswer& answer, std::vector<std::uint32_t>& reconsider) {
    const auto found = job.dockets.find(answer.agent);
    if (found == job.dockets.end()) return;
    Docket& docket = found->second;
    docket.comparing.erase(answer.order);
    while (!docket.held.empty() && (docket.comparing.empty() || docket.held.front().first < docket.comparing.begin()->first)) {
      reconsider.push_back(docket.held.front().second);
      docket.held.pop_front();
    }
  }

  const DuplicationRule fixed_;
  const double canary_ratio_, min_spotcheck_ratio_;
};

}  // namespace

std::unique_ptr<Verifier> make_adaptive_verifier(AdaptiveVerifierOptions options) {
  return make_court(std::make_unique<AdaptiveRule>(options.canary_ratio, options.min_spotcheck_ratio), options.max_executions);
}

}  // namespace forgepool
