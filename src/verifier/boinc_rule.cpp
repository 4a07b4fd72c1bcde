#include <fmt/format.h>

#include <algorithm>
#include <forgepool/backends/boinc_verifier.hpp>

#include "verifier/court.hpp"
#include "verifier/terms.hpp"

namespace forgepool {
namespace {

class BoincRule final : public Rule {
 public:
  explicit BoincRule(BoincVerifierOptions options)
      : options_(options), trusted_after_(std::max<std::uint64_t>(1, options.trusted_after)) {}

  static std::unique_ptr<const Rule> read(std::string_view terms) {
    const auto numbers = read_terms(terms, kind, {"max_executions", "quarantine", "trusted_after"});
    if (!numbers) return nullptr;
    return std::make_unique<BoincRule>(
        BoincVerifierOptions{to_count((*numbers)[2]), to_count((*numbers)[0]), (*numbers)[1] != 0});
  }
  std::string terms() const override {
    return write_terms(kind, {{"max_executions", options_.max_executions},
                              {"quarantine", options_.quarantine},
                              {"trusted_after", static_cast<double>(options_.trusted_after)}});
  }
  std::uint32_t max_executions() const override { return std::max(1u, options_.max_executions); }

  void begin(JobCase&) const override {}
  Opinion consider(JobCase& job, std::uint32_t index, const Tally& votes, const AgentTable&) const override {
    if (votes.support >= 2 && votes.clear) return {Opinion::What::accept};
    if (votes.only && !votes.failed && trusted(job, index, votes)) return {Opinion::What::accept};
    const std::uint32_t outstanding = job.shards[index].outstanding();
    if (votes.valid == 0) return {Opinion::What::ask, outstanding > 0 ? 0u : 1u};
    const std::uint32_t missing = votes.support < 2 ? 2 - votes.support : 1;
    return {Opinion::What::ask, missing > outstanding ? missing - outstanding : 0};
  }
  void settled(JobCase&, std::uint32_t, const AgentTable&, Consequences&) const override {}
  bool forgives() const override { return !options_.quarantine; }
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

  static constexpr std::string_view kind = "boinc";
  const BoincVerifierOptions options_;
  const std::uint64_t trusted_after_;
};

}  // namespace

std::unique_ptr<Verifier> make_boinc_verifier(BoincVerifierOptions options) {
  return make_court(std::make_unique<BoincRule>(options), BoincRule::read);
}

}  // namespace forgepool
