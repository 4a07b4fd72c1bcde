#pragma once
/// The default scheduler: jobs in the order they came; of a job what was given back first, then shards in index order; batches
/// to whoever asks. A batch is no more than an agent's fair part of what waits (executions waiting / agents that may work on
/// the job), so that nobody hoards the tail. Shards whose lease ran out go to other agents for one `lease_duration`, if any
/// could take them.
///
/// Cost: O(log n) per lease and per shard that changes its state; an agent passes a shard that it may not have only once.
#include <forgepool/scheduler.hpp>

#include <memory>

namespace forgepool {

struct FifoSchedulerOptions {
  /// Life of a lease from its grant or last heartbeat. Shorter finds dead agents sooner, and costs more heartbeats.
  Duration lease_duration = std::chrono::seconds(15);
  /// An agent not seen for this long no longer counts as there.
  Duration agent_timeout = std::chrono::seconds(45);
};

FORGEPOOL_API std::unique_ptr<Scheduler> make_fifo_scheduler(FifoSchedulerOptions options = {});

}  // namespace forgepool
