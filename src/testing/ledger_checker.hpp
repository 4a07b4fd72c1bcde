#pragma once
/// The ledger only grows and is what its proofs say; nothing that was acknowledged is lost, nothing is half applied, nothing is
/// counted twice. Keeps its own copy of what was said to be durable, and compares it with what every life of the hub finds.
/// Knows of the hub's state (src/hub/FORMAT.md) the keys of receipts, leases, jobs and verdicts, no values.
#include "testing/pool_truth.hpp"
#include "testing/pool_watcher.hpp"

#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace forgepool::testing {

class LedgerChecker final : public PoolWatcher {
 public:
  /// Of the organization with this trust domain.
  LedgerChecker(std::string trust_domain, Violations& violations)
      : peers_("spiffe://" + std::move(trust_domain) + "/"), violations_(violations) {}

  void hub_started(Ledger& ledger) override { check(ledger); }
  void requested(const Peer& peer, const Request& request) override;
  void responded(const Peer& peer, const Request& request, const Response& response) override;
  void commit_begun(const LedgerBatch& batch) override { in_flight_ = batch; }
  void committed(const LedgerBatch& batch, const LedgerHead& head) override;

  /// Compares the whole ledger with what is known of it.
  void check(Ledger& ledger);

 private:
  void apply(const LedgerBatch& batch);
  void apply(const StateWrite& write);
  bool holds_exactly(const Ledger& ledger) const;
  void check_proofs(Ledger& ledger);
  void expect(bool holds, const std::string& what) { violations_.expect(holds, "ledger", what); }

  const std::string peers_;  // What their names begin with.
  Violations& violations_;
  std::vector<Digest> leaves_;  // Hashes of those that are durable.
  std::map<std::string, Bytes, std::less<>> state_;
  std::unordered_set<std::string> receipts_, leases_;  // Ids of those that ever were durable.
  std::optional<LedgerBatch> in_flight_;               // Given to the store, which has not said what became of it.
  std::unordered_map<std::string, std::vector<std::string>> reports_;  // By token: the leases that were reported with it.
};

}  // namespace forgepool::testing
