#pragma once
/// The pool that is simulated: production hub, agents and clients in virtual time, and what goes wrong with them.
#include "testing/agent_mind.hpp"
#include "testing/eavesdropper.hpp"
#include "testing/evidence_checker.hpp"
#include "testing/grant_checker.hpp"
#include "testing/isolation_checker.hpp"
#include "testing/lease_checker.hpp"
#include "testing/ledger_checker.hpp"

#include <forgepool/agent.hpp>
#include <forgepool/client.hpp>
#include <forgepool/credentials.hpp>
#include <forgepool/hub.hpp>
#include <forgepool/testing/faulty_transport.hpp>
#include <forgepool/testing/pool_simulation.hpp>
#include <forgepool/testing/virtual_event_loop.hpp>

namespace forgepool {
class MemoryNetwork;
}

namespace forgepool::testing {

class SimulatedPool {
 public:
  explicit SimulatedPool(const PoolSimulationOptions& options);
  ~SimulatedPool();

  PoolSimulationResult run();

 private:
  /// The ledger as the hub sees it; see simulated_hub.cpp.
  class HubLedger;

  /// One of those that share the hub, with what survives its deaths. The first is the hub's own.
  struct Organization {
    std::string name;
    HubIdentity identity;
    std::unique_ptr<SimulatedStorage> storage;
    LedgerChecker checker;
    PoolWatchers watchers{};                            // Of its scheduler, verifier and ledger.
    std::shared_ptr<std::unique_ptr<Ledger>> ledger{};  // Emptied when the hub dies: whoever still holds it holds nothing.
    std::unique_ptr<Client> operator_client{};          // Who invites its agents.
  };

  /// A machine with an agent on it, which may come and go. Under a new name it is a new member.
  struct Member {
    const AgentGroup* group = nullptr;
    std::uint32_t organization = 0;
    AgentMind mind;
    Random random;
    AgentId id{};
    Credentials credentials{};
    std::shared_ptr<TransportFaults> faults{};
    std::unique_ptr<Transport> network{};  // What the faulty transport of its agent wraps.
    std::unique_ptr<Agent> agent{};
    std::uint32_t names_left = 0;
    std::vector<std::unique_ptr<Subscription>> timers{};
  };

  struct Tenant {
    std::string name;
    std::shared_ptr<TransportFaults> faults;
    std::unique_ptr<Transport> network;
    std::unique_ptr<Client> client;
  };

  struct Job {
    JobId id;
    std::uint32_t tenant = 0;
    Contract contract;
    bool acknowledged = false;
    std::optional<JobStatus> end;
    std::optional<std::string> result, bundle;
    bool collected = false;  // Everything there is to fetch was fetched.
    std::unique_ptr<Subscription> timer;
  };

  // simulated_hub.cpp
  void add_organizations();
  void start_hub();
  void kill_hub();
  void hub_is_down(Duration downtime);

  // simulated_members.cpp
  void add_members();
  void add_member(const AgentGroup& group, std::uint32_t organization, std::uint32_t names_left);
  void join(Member& member);
  void start_agent(Member& member);
  void stop_agent(Member& member, Duration downtime);
  SandboxReport execute(Member& member, const SandboxRequest& request);
  void look_after_sybils();
  void intrude();

  // simulated_tenants.cpp
  void add_tenants();
  Organization& organization_of(const Job& job) { return *organizations_[truth_.organization_of_tenant(job.tenant)]; }
  void prepare(const SimulatedJob& job, std::size_t number);
  void submit(Job& job);
  void follow(Job& job);
  void collect(Job& job);
  void pry();
  void pry_as_operator();
  bool must_be_done(const Job& job) const;
  std::string why_it_waits(const Job& job);
  void check_outcome(const Job& job);

  // simulated_pool.cpp
  void disturb(double per_minute, const char* name, std::function<void()> what);
  void crash_hub();
  void crash_agent();
  void cut_off();
  void heal();
  std::shared_ptr<TransportFaults> make_faults();
  Duration up_to(Duration limit);
  void later(Duration delay, std::function<void()> what);
  bool over() const;
  PoolSimulationResult result(Time began);

  const PoolSimulationOptions options_;
  VirtualEventLoop loop_;
  Random random_;
  Random hub_random_;  // What the hub takes for the system's.
  bool faulty_ = true;

  PoolTruth truth_;
  Violations violations_;
  LeaseChecker leases_;
  EvidenceChecker evidence_;
  IsolationChecker isolation_;
  GrantChecker grants_;
  Eavesdropper eavesdropper_;
  PoolWatchers watchers_;  // Of the wire.

  const std::shared_ptr<MemoryNetwork> network_;
  const std::shared_ptr<const AdapterPackage> adapter_;
  std::vector<std::unique_ptr<Organization>> organizations_;
  std::unique_ptr<Hub> hub_;
  std::uint64_t hub_lives_ = 0;

  std::vector<std::unique_ptr<Member>> members_;
  std::vector<std::unique_ptr<Tenant>> tenants_;
  std::vector<std::unique_ptr<Job>> jobs_;
  std::vector<std::unique_ptr<Subscription>> timers_;
  std::map<std::string, std::uint64_t> faults_;
  std::unique_ptr<Transport> intruder_transport_;
  std::unique_ptr<Connection> intruder_;
};

}  // namespace forgepool::testing
