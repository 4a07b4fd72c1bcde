#pragma once
/// One organization on a hub: its keys, its state machine, its ledger. Nothing in it knows of others.
#include "hub/endpoints.hpp"
#include "hub/wall_clock.hpp"

namespace forgepool::hub {

class Organization {
 public:
  struct Shared {
    EventLoop& loop;
    const HubOptions& options;
    const HubIdentity* front;  ///< Null: this organization's own identity is what the hub shows.
    Front& hub;
    PeerWork& work;  ///< Of the whole hub: a peer has one queue.
    std::vector<std::shared_ptr<const AdapterPackage>> adapters;
    RandomSource random;
    LogSink& log;
    std::function<void(const Error&)> on_fatal;
  };

  Organization(OrganizationParts parts, const Shared& shared)
      : name(std::move(parts.name)),
        witness_policy(parts.witness_policy.empty() ? shared.options.witness_policy : std::move(parts.witness_policy)),
        identity(std::move(parts.identity)),
        ledger(std::move(parts.ledger)),
        scheduler_(std::move(parts.scheduler)),
        verifier_(std::move(parts.verifier)),
        steady_scheduler_(*scheduler_, clock_),
        core({identity, shared.front ? *shared.front : identity, shared.options, steady_scheduler_, *verifier_, shared.adapters,
              shared.random, shared.log},
             ledger->head().size),
        committer(shared.loop, ledger, shared.on_fatal),
        publication(shared.loop, ledger, identity),
        endpoints(shared.loop, clock_, core, committer, ledger, identity, publication, shared.work, shared.hub, shared.log) {}

  const std::string name;
  const std::string witness_policy;
  HubIdentity identity;
  // Shared with pool threads: a commit or a bundle under way may outlive the hub.
  const std::shared_ptr<Ledger> ledger;

 private:
  const std::unique_ptr<Scheduler> scheduler_;
  const std::unique_ptr<Verifier> verifier_;
  WallClock clock_;
  SteadyScheduler steady_scheduler_;

 public:
  HubCore core;
  Committer committer;
  LogPublication publication;
  Endpoints endpoints;
  bool revoked = false;
};

}  // namespace forgepool::hub
