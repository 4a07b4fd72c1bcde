#pragma once
/// The parts of a hub, with somebody looking on: each passes every call through and tells the watcher.
#include "testing/pool_watcher.hpp"

namespace forgepool::testing {

std::unique_ptr<Scheduler> watch(std::unique_ptr<Scheduler> scheduler, PoolWatcher& watcher);
std::unique_ptr<Verifier> watch(std::unique_ptr<Verifier> verifier, PoolWatcher& watcher);
/// The hub's side: listeners are watched, connections are not.
std::unique_ptr<Transport> watch(std::unique_ptr<Transport> transport, PoolWatcher& watcher);

}  // namespace forgepool::testing
