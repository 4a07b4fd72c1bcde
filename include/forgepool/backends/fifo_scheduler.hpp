#pragma once
/// The default scheduler: jobs in the order they came, shards in index order, whole batches to whoever asks.
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
