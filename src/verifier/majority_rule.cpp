#include <fmt/format.h>

#include <algorithm>
#include <forgepool/backends/majority_verifier.hpp>

#include "verifier/court.hpp"
#include "verifier/terms.hpp"

namespace forgepool {
namespace {

class MajorityRule final : public Rule {
 public:
  explicit MajorityRule(MajorityVerifierOptions options) : options_(options), agreeing_(std::max(2u, options.agreeing)) {}

  static std::unique_ptr<const Rule> read(std::string_view terms) {
    const auto numbers = read_terms(terms, kind, {"agreeing", "max_executions", "quarantine"});
    if (!numbers) return nullptr;
    return std::make_unique<MajorityRule>(
        MajorityVerifierOptions{to_count((*numbers)[0]), to_count((*numbers)[1]), (*numbers)[2] != 0});
  }
  std::string terms() const override {
    return write_terms(
        kind,
        {{"agreeing", options_.agreeing}, {"max_executions", options_.max_executions}, {"quarantine", options_.quarantine}});
  }
  std::uint32_t max_executions() const override { return std::max(1u, options_.max_executions); }

  void begin(JobCase&) const override {}
  Opinion consider(JobCase& job, std::uint32_t index, const Tally& votes, const AgentTable&) const override {
    if (votes.support >= agreeing_ && votes.clear) return {Opinion::What::accept};
    const std::uint32_t outstanding = job.shards[index].outstanding();
    const std::uint32_t missing = agreeing_ > votes.support ? agreeing_ - votes.support : 1;
    return {Opinion::What::ask, missing > outstanding ? missing - outstanding : 0};
  }
  void settled(JobCase&, std::uint32_t, const AgentTable&, Consequences&) const override {}
  bool forgives() const override { return !options_.quarantine; }
  std::string name(const JobCase& job, std::uint32_t index) const override {
    const ShardCase& shard = job.shards[index];
    if (shard.state == ShardCase::State::undecided)
      return fmt::format("majority undecided: no {} of {} agree", agreeing_, shard.answers.size());
    return fmt::format("majority {} of {}", shard.support, shard.answers.size());
  }
  std::string missing(const JobCase& job, std::uint32_t index, const Tally& votes) const override {
    return fmt::format("waiting for {} executions: {} of {} answers that count agree, {} must", job.shards[index].outstanding(),
                       votes.support, votes.valid, agreeing_);
  }

 private:
  static constexpr std::string_view kind = "majority";
  const MajorityVerifierOptions options_;
  const std::uint32_t agreeing_;
};

}  // namespace

std::unique_ptr<Verifier> make_majority_verifier(MajorityVerifierOptions options) {
  return make_court(std::make_unique<MajorityRule>(options), MajorityRule::read);
}

}  // namespace forgepool
