#include "testing/watched_parts.hpp"

namespace forgepool::testing {
namespace {

class WatchedVerifier final : public Verifier {
 public:
  WatchedVerifier(std::unique_ptr<Verifier> inner, PoolWatcher& watcher) : inner_(std::move(inner)), watcher_(watcher) {}

  std::vector<VerifierAction> begin(const JobId& job, std::uint32_t shards, const ContractPolicy& policy,
                                    const std::array<std::uint8_t, 32>& secret) override {
    return tell(inner_->begin(job, shards, policy, secret));
  }
  std::vector<VerifierAction> answer(const ShardAnswer& answer) override {
    watcher_.answered(answer);
    return tell(inner_->answer(answer));
  }
  std::vector<VerifierAction> quarantine(const AgentId& agent) override {
    watcher_.benched(agent);
    return tell(inner_->quarantine(agent));
  }
  void end(const JobId& job) override { inner_->end(job); }
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
