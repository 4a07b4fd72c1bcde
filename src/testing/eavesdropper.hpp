#pragma once
/// Remembers what went over the wire: for intruders, for the final count, and for the trace by which runs are compared.
#include "testing/pool_truth.hpp"
#include "testing/pool_watcher.hpp"

#include <unordered_map>

namespace forgepool::testing {

class Eavesdropper final : public PoolWatcher {
 public:
  /// What somebody who saw everything could try to use.
  struct Loot {
    AgentId agent;
    std::string token;
    std::string lease;
  };

  void hub_started(Ledger& ledger) override;
  void granted(const Lease& lease) override;
  void lease_ended(const Lease& lease, bool finished) override;
  void answered(const ShardAnswer& answer) override;
  void decided(const ShardVerdict& verdict) override;
  void caught(const Quarantine& quarantine) override;
  void requested(const Peer& peer, const Request& request) override;
  void responded(const Peer& peer, const Request& request, const Response& response) override;
  void committed(const LedgerBatch& batch, const LedgerHead& head) override;

  const std::vector<Loot>& loot() const { return loot_; }
  const Bytes& last_report() const { return last_report_; }
  /// Null for an output that was never reported.
  const Bytes* output(const Digest& digest) const;
  std::uint64_t leases() const { return leases_; }
  std::uint64_t trace() const { return trace_; }
  void note(std::string_view text);

 private:
  std::vector<Loot> loot_;
  Bytes last_report_;
  std::unordered_map<Digest, Bytes> outputs_;
  std::uint64_t leases_ = 0;
  std::uint64_t trace_ = 0xcbf29ce484222325u;
};

}  // namespace forgepool::testing
