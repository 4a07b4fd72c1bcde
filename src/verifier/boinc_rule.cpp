#include <fmt/format.h>

#include <algorithm>
#include <forgepool/backends/boinc_verifier.hpp>

#include "verifier/court.hpp"

namespace forgepool {
namespace {

class BoincRule final : public Rule {
 public:
  BoincRule(std::uint64_t trusted_after, bool forgives)
      : trusted_after_(std::max<std::uint64_t>(1, trusted_after)), forgives_(forgives) {}

  void begin(JobCase&) const override {}
  Opinion consider(JobCase& job, std::uint32_t index, const Tally& votes, const AgentTable&) const override {
    if (votes.support >= 2 && votes.clear) return {Opinion::What::accept};
    if (votes.only && trusted(job, index, votes)) return {Opinion::What::accept};
    const std::uint32_t outstanding = job.shards[index].outstanding();
    if (votes.valid == 0) return {Opinion::What::ask, outstanding > 0 ? 0u : 1u};
    const std::uint32_t missing = votes.support < 2 ? 2 - votes.support : 1;
    return {Opinion::What::ask, missing > outstanding ? missing - outstanding : 0};
  }
  void settled(JobCase&, std::uint32_t, const AgentTable&, Consequences&) const override {}
  bool forgives() const override { return forgives_; }
  std::string name(const JobCase& job, std::uint32_t index) const override {
    const ShardCase& shard = job.shards[index];
    if (shard.state == ShardCase::State::undecided)
      return fmt::format("boinc undecided: no 2 of {} agree", shard.answers.size());
    return fmt::format("boinc{} {} of {}", shard.support < 2 ? " trusted" : "", shard.support, shard.answers.size());
  }
  std::string missing(const JobCase& job, std::uint32_t index, const Tally& votes) const override {
    return fmt::format("waiting for {} executions: {} of {} answers that count agree, 2 must", job.shards[index].outstanding(),
                       votes.support, votes.valid);
  }

 private:
  /// Whether the one answer is enough. Decided again when something about the shard changes, but not by another draw.
  bool trusted(const JobCase& job, std::uint32_t index, const Tally& votes) const {
    const std::uint64_t validated = votes.trust.front().checks;
    return validated >= trusted_after_ && draw(job, "replicate", index) * static_cast<double>(validated) >= 1;
  }

  const std::uint64_t trusted_after_;
  const bool forgives_;
};

}  // namespace

std::unique_ptr<Verifier> make_boinc_verifier(BoincVerifierOptions options) {
  return make_court(std::make_unique<BoincRule>(options.trusted_after, !options.quarantine), options.max_executions);
}

}  // namespace forgepool
