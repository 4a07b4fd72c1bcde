#pragma once
/// The default scheduler.
///
/// Who is served: organizations take turns, and the projects of each, by deficit round robin (Shreedhar and Varghese,
/// "Efficient Fair Queuing using Deficit Round Robin", 1995) in agents' time: each turn is worth `quantum` × weight, and what a
/// grant is expected to take is taken off. Whoever has nothing that the asking agent may do is passed over. Within a project
/// the job of the highest priority goes first, each `ageing` that a job has waited counting as one priority more; then the
/// earliest deadline, then the oldest; where that leaves a choice, a job whose adapter the agent ran lately. Of a job first
/// what was given back, then shards in index order.
///
/// How much: no more than the agent's fair part of what waits (executions waiting / agents that may work on the job), so that
/// nobody hoards the tail. However often it asks, one agent holds at most four times its fair part of a job's executions that
/// wait or are under way, and half of them; one operator's agents together hold half (one shard at least each time; all, if
/// nobody else is there). Shards whose lease ran out go to other agents for one `lease_duration`, if any could take them. An
/// agent with a lease whose heartbeat is `heartbeat_grace` late gets nothing until it comes.
///
/// A lease lives on by heartbeats for `lease_slack` and twice `SchedulerJob::longest_execution` for each of its shards, and no
/// longer. When nothing of a job waits any more and an agent would be idle, a lease that takes `straggler_factor` times what
/// its shards took so far (of a `speculative` job), or `longest_execution` for each, is a straggler: its shards are leased once
/// more. Whichever comes first delivers the execution; the other one is
/// a replica more.
///
/// Cost: per decision O(organizations + projects of one), O(log jobs of a project), O(1) in agents and shards. An agent passes
/// a shard that it may not have only once (but for `spread`, where each lease of the job that ends opens them again).
#include <forgepool/scheduler.hpp>

#include <map>
#include <memory>

namespace forgepool {

/// What an organization, or a project within one, may have.
struct ShareOptions {
  std::uint32_t weight = 1;                ///< Of the agents' time, relative to others beside it. 1 … 1,000.
  std::uint64_t max_leased = UINT64_MAX;   ///< Executions under way at once.
  std::uint64_t max_waiting = UINT64_MAX;  ///< Executions that wait; jobs that would exceed it are refused (`has_room`).
};

struct FairShareOptions {
  /// Life of a lease from its grant or last heartbeat. Shorter finds dead agents sooner, and costs more heartbeats.
  Duration lease_duration = std::chrono::seconds(15);
  /// It lives at least for this part of `SchedulerJob::longest_execution`: what takes long is not given away for a short
  /// outage.
  double lease_share = 0;
  /// What fetching, waiting and reporting may take in the life of a lease, besides executing its shards.
  Duration lease_slack = std::chrono::minutes(1);
  /// An agent not seen for this long no longer counts as there.
  Duration agent_timeout = std::chrono::seconds(45);
  /// An agent whose lease was not extended for this long gets no other one. Zero: for two thirds of `lease_duration`, which is
  /// two heartbeats of an agent.
  Duration heartbeat_grace{};

  ShareOptions organization{};                          ///< Of those that are not named here:
  std::map<std::string, ShareOptions> organizations{};  ///< by organization; "" for jobs of none.
  ShareOptions project{};                               ///< Of those that are not named here:
  std::map<std::string, ShareOptions> projects{};       ///< by "organization/project".
  std::uint64_t max_waiting = 20'000'000;               ///< Executions, of all jobs together.
  Duration quantum = std::chrono::seconds(1);           ///< Smaller is fairer over short times; larger costs less.
  Duration ageing = std::chrono::minutes(10);           ///< A job that waited this long goes up by one priority.
  double straggler_factor = 3;                          ///< Below 1 copies what is merely average.
  Duration straggler_after = std::chrono::seconds(5);   ///< No lease is a straggler before.
};

FORGEPOOL_API std::unique_ptr<Scheduler> make_fair_share_scheduler(FairShareOptions options = {});

}  // namespace forgepool
