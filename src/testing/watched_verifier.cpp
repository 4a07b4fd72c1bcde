#include "testing/watched_parts.hpp"

namespace forgepool::testing {
namespace {

class WatchedVerifier final : public Verifier {
 public:
  WatchedVerifier(std::unique_ptr<Verifier> inner, PoolWatcher& watcher) : inner_(std::move(inner)), watcher_(watcher) {}

  void meet(const VerifierAgent& agent) override { inner_->meet(agent); }
  std::vector<VerifierAction> begin(const VerifierJob& job) override { return tell(inner_->begin(job)); }
  std::vector<VerifierAction> answer(const ShardAnswer& answer) override {
    watcher_.answered(answer);
    return tell(inner_->answer(answer));
  }
  std::vector<VerifierAction> quarantine(const AgentId& agent) override {
    watcher_.benched(agent);
    return tell(inner_->quarantine(agent));
  }
  std::vector<VerifierAction> pardon(const AgentId& agent) override {
    watcher_.pardoned(agent);
    return tell(inner_->pardon(agent));
  }
  std::string terms() const override { return inner_->terms(); }
  bool understands(std::string_view terms) const override { return inner_->understands(terms); }
  void discredit(const AgentId& agent, std::uint32_t refuted) override { inner_->discredit(agent, refuted); }
  std::vector<AgentCredit> end(const JobId& job) override { return inner_->end(job); }
  void credit(const std::vector<AgentCredit>& earned) override { inner_->credit(earned); }
  AgentStanding standing(const AgentId& agent) const override { return inner_->standing(agent); }
  std::string explain(const ShardId& shard) const override { return inner_->explain(shard); }

 private:
  std::vector<VerifierAction> tell(std::vector<VerifierAction> actions) {
    for (const auto& action : actions) {
      if (const auto* verdict = std::get_if<ShardVerdict>(&action)) watcher_.decided(*verdict);
      if (const auto* quarantine = std::get_if<Quarantine>(&action)) watcher_.caught(*quarantine);
    }
    return actions;
  }

  const std::unique_ptr<Verifier> inner_;
  PoolWatcher& watcher_;
};

}  // namespace

std::unique_ptr<Verifier> watch(std::unique_ptr<Verifier> verifier, PoolWatcher& watcher) {
  return std::make_unique<WatchedVerifier>(std::move(verifier), watcher);
}

}  // namespace forgepool::testing
