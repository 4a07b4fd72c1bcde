#pragma once
/// One lease, from its grant to its acknowledged report: fetches what its shards need, runs them, signs the receipt, reports,
/// and keeps the lease alive meanwhile. Loop thread only; the sandbox runs on the pool.
#include "agent/adapter_cache.hpp"
#include "agent/hub_link.hpp"
#include "agent/slots.hpp"
#include "wire/messages.hpp"

#include <forgepool/sandbox.hpp>

#include <atomic>
#include <map>

namespace forgepool::agent {

/// What the leases of one agent share.
struct Workshop {
  EventLoop& loop;
  HubLink& link;
  AdapterCache& adapters;
  std::shared_ptr<Slots> slots;
  std::shared_ptr<Sandbox> sandbox;
  const std::string& numeric_class;
  const SandboxPolicy& granted;  ///< By the agent's operator.
  const Credentials& credentials;
  LogSink& log;
  const std::function<Status(std::string_view)>& on_promise;
};

/// How a lease ended.
struct LeaseOutcome {
  bool acknowledged = false;
  std::uint32_t shards = 0;
  std::uint32_t failed = 0;
  std::optional<Error> error;  ///< If not acknowledged.
};

class LeaseRun : public std::enable_shared_from_this<LeaseRun> {
 public:
  /// `done` is called once, unless the run is cancelled before.
  static std::shared_ptr<LeaseRun> start(Workshop& workshop, wire::fb::LeaseGrantT grant,
                                         std::function<void(LeaseOutcome)> done);
  /// Stops what runs and calls nothing any more. The hub finds out when the lease expires.
  void cancel();

  /// A shard that was run.
  struct Ran {
    std::uint32_t index = 0;
    Digest params;  ///< SHA-256 of the parameters
    SandboxReport report;
    Bytes output;  ///< Of an ok outcome.
    bool ok() const { return report.outcome.ok(); }
  };

 private:
  LeaseRun(Workshop& workshop, wire::fb::LeaseGrantT grant, std::function<void(LeaseOutcome)> done);

  Status check_grant();
  void fetch_adapter();
  void fetch_inputs();
  void run_shards();
  SandboxRequest request_for(const wire::fb::LeaseShardT& shard) const;
  void shard_ran(Ran ran);
  void report();
  void send_report();
  /// The hub says that it took the report: that is worth nothing without its promise to have the receipt in its log.
  Status take_promise(ByteView acknowledgement);
  void beat();
  void arm_heartbeat();
  /// GETs a blob by digest and checks it; retries while the hub is away.
  void fetch(const Digest& digest, std::function<void(Result<Bytes>)> use);
  void end(LeaseOutcome outcome);

  Workshop& workshop_;
  wire::fb::LeaseGrantT grant_;
  std::function<void(LeaseOutcome)> done_;
  SandboxPolicy policy_;
  Determinism determinism_ = Determinism::standard;
  std::shared_ptr<const AdapterPackage> adapter_;
  std::map<Digest, std::shared_ptr<const Bytes>> inputs_;
  std::vector<Digest> missing_;
  std::map<std::uint32_t, Ran> ran_;
  Digest receipt_leaf_;                  ///< RFC 6962 hash of the leaf that the log must have.
  std::shared_ptr<const Bytes> report_;  ///< Once all ran.
  bool awaits_token_ = false;            ///< The report waits for the next heartbeat to bring another token,
  std::uint32_t tokens_left_ = 3;        ///< which is tried so often.
  Time started_{};                       ///< By the loop's steady clock.
  const std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
  std::unique_ptr<Subscription> heartbeat_;
  std::unique_ptr<Subscription> retry_;
};

}  // namespace forgepool::agent
