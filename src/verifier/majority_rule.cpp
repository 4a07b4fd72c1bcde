#include <fmt/format.h>

#include <algorithm>
#include <forgepool/backends/majority_verifier.hpp>

#include "verifier/court.hpp"

namespace forgepool {
namespace {

class MajorityRule final : public Rule {
 public:
  MajorityRule(std::uint32_t agreeing, bool forgives) : agreeing_(std::max(2u, agreeing)), forgives_(forgives) {}

  void begin(JobCase&) const override {}
  Opinion consider(JobCase& job, std::uint32_t index, const Tally& votes, const AgentTable&) const override {
    if (votes.support >= agreeing_ && votes.clear) return {Opinion::What::accept};
    const std::uint32_t outstanding = job.shards[index].outstanding();
    const std::uint32_t missing = agreeing_ > votes.support ? agreeing_ - votes.support : 1;
    return {Opinion::What::ask, missing > outstanding ? missing - outstanding : 0};
  }
  void settled(JobCase&, std::uint32_t, const AgentTable&, Consequences&) const override {}
  bool forgives() const override { return forgives_; }
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
  const std::uint32_t agreeing_;
  const bool forgives_;
};

}  // namespace

std::unique_ptr<Verifier> make_majority_verifier(MajorityVerifierOptions options) {
  return make_court(std::make_unique<MajorityRule>(options.agreeing, !options.quarantine), options.max_executions);
}

}  // namespace forgepool
