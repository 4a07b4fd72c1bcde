#pragma once
/// What happens in a simulated pool, for those who check it and those who count. A watcher sees only what crosses the public
/// interfaces (scheduler, verifier, ledger, transport); it knows nothing of how the hub works inside.
#include <forgepool/ledger.hpp>
#include <forgepool/scheduler.hpp>
#include <forgepool/transport.hpp>
#include <forgepool/verifier.hpp>

namespace forgepool::testing {

class PoolWatcher {
 public:
  virtual ~PoolWatcher() = default;

  // The hub's life. Between `hub_died` and `hub_started` the calls by which it comes back are seen again.
  virtual void hub_started(Ledger&) {}
  virtual void hub_died() {}

  // The scheduler.
  virtual void job_added(const SchedulerJob&) {}
  virtual void job_removed(const JobId&) {}
  virtual void wanted(const ShardId&, std::uint32_t) {}
  virtual void settled(const ShardId&) {}
  virtual void excluded(const ShardId&, const AgentId&) {}
  virtual void agent_seen(const SchedulerAgent&) {}
  virtual void granted(const Lease&) {}
  virtual void restored(const Lease&) {}
  /// `finished`: the agent reported. Else it ran out, or its agent is gone.
  virtual void lease_ended(const Lease&, bool /*finished*/) {}

  // The verifier.
  virtual void answered(const ShardAnswer&) {}
  virtual void decided(const ShardVerdict&) {}
  virtual void caught(const Quarantine&) {}
  virtual void benched(const AgentId&) {}
  virtual void pardoned(const AgentId&) {}

  // The wire, as the hub sees it: a response is durable when it is seen.
  virtual void requested(const Peer&, const Request&) {}
  virtual void responded(const Peer&, const Request&, const Response&) {}

  // The ledger. `commit_begun` before the store is asked; `committed` when it said that the batch is durable.
  virtual void commit_begun(const LedgerBatch&) {}
  virtual void committed(const LedgerBatch&, const LedgerHead&) {}
};

/// Passes everything on, in order.
class PoolWatchers final : public PoolWatcher {
 public:
  void add(PoolWatcher& watcher) { watchers_.push_back(&watcher); }

  void hub_started(Ledger& ledger) override { each(&PoolWatcher::hub_started, ledger); }
  void hub_died() override { each(&PoolWatcher::hub_died); }
  void job_added(const SchedulerJob& job) override { each(&PoolWatcher::job_added, job); }
  void job_removed(const JobId& job) override { each(&PoolWatcher::job_removed, job); }
  void wanted(const ShardId& shard, std::uint32_t count) override { each(&PoolWatcher::wanted, shard, count); }
  void settled(const ShardId& shard) override { each(&PoolWatcher::settled, shard); }
  void excluded(const ShardId& shard, const AgentId& agent) override { each(&PoolWatcher::excluded, shard, agent); }
  void agent_seen(const SchedulerAgent& agent) override { each(&PoolWatcher::agent_seen, agent); }
  void granted(const Lease& lease) override { each(&PoolWatcher::granted, lease); }
  void restored(const Lease& lease) override { each(&PoolWatcher::restored, lease); }
  void lease_ended(const Lease& lease, bool finished) override { each(&PoolWatcher::lease_ended, lease, finished); }
  void answered(const ShardAnswer& answer) override { each(&PoolWatcher::answered, answer); }
  void decided(const ShardVerdict& verdict) override { each(&PoolWatcher::decided, verdict); }
  void caught(const Quarantine& quarantine) override { each(&PoolWatcher::caught, quarantine); }
  void benched(const AgentId& agent) override { each(&PoolWatcher::benched, agent); }
  void pardoned(const AgentId& agent) override { each(&PoolWatcher::pardoned, agent); }
  void requested(const Peer& peer, const Request& request) override { each(&PoolWatcher::requested, peer, request); }
  void responded(const Peer& peer, const Request& request, const Response& response) override {
    each(&PoolWatcher::responded, peer, request, response);
  }
  void commit_begun(const LedgerBatch& batch) override { each(&PoolWatcher::commit_begun, batch); }
  void committed(const LedgerBatch& batch, const LedgerHead& head) override { each(&PoolWatcher::committed, batch, head); }

 private:
  template <class... Parameters, class... Arguments>
  void each(void (PoolWatcher::*what)(Parameters...), Arguments&&... arguments) {
    for (auto* watcher : watchers_) (watcher->*what)(arguments...);
  }

  std::vector<PoolWatcher*> watchers_;
};

}  // namespace forgepool::testing
