#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <forgepool/backends/adaptive_verifier.hpp>

#include "verifier/court.hpp"
#include "verifier/duplication_rule.hpp"
#include "verifier/terms.hpp"

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
  explicit AdaptiveRule(AdaptiveVerifierOptions options) : options_(options), fixed_({options.max_executions}) {}

  static std::unique_ptr<const Rule> read(std::string_view terms) {
    const auto numbers = read_terms(terms, kind, {"canary_ratio", "max_executions", "min_spotcheck_ratio"});
    if (!numbers) return nullptr;
    return std::make_unique<AdaptiveRule>(AdaptiveVerifierOptions{
        .canary_ratio = (*numbers)[0], .min_spotcheck_ratio = (*numbers)[2], .max_executions = to_count((*numbers)[1])});
  }
  std::string terms() const override {
    return write_terms(kind, {{"canary_ratio", options_.canary_ratio},
                              {"max_executions", options_.max_executions},
                              {"min_spotcheck_ratio", options_.min_spotcheck_ratio}});
  }
  std::uint32_t max_executions() const override { return std::max(1u, options_.max_executions); }

  void begin(JobCase& job) const override {
    job.policy.spotcheck_ratio = std::max(job.policy.spotcheck_ratio, options_.min_spotcheck_ratio);
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
    consequences.canary = shard.state == ShardCase::State::accepted && options_.canary_ratio > 0 &&
                          draw(job, "canary", index) < options_.canary_ratio;
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
    // Nobody is accused on the word of one agent, and what is to be compared is: as is what would end the whole job.
    return votes.support >= 2 || (votes.against == 0 && !votes.failed && !job.is_checked(index));
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

  static constexpr std::string_view kind = "adaptive";
  const AdaptiveVerifierOptions options_;
  const DuplicationRule fixed_;
};

}  // namespace

std::unique_ptr<Verifier> make_adaptive_verifier(AdaptiveVerifierOptions options) {
  return make_court(std::make_unique<AdaptiveRule>(options), AdaptiveRule::read);
}

}  // namespace forgepool
