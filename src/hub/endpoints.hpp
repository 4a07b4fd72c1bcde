#pragma once
/// The hub's requests: path to action, authorization, decoding, the state machine, and the answer once it is durable. README.md
/// lists the endpoints. Loop thread only.
#include "hub/committer.hpp"
#include "hub/disposal.hpp"
#include "hub/hub_core.hpp"
#include "hub/log_publication.hpp"
#include "hub/peer_work.hpp"
#include "hub/wall_clock.hpp"

#include <forgepool/event_loop.hpp>

#include <map>

namespace forgepool::hub {

/// What endpoints of one organization need of the whole hub.
class Front {
 public:
  virtual ~Front() = default;
  virtual void disconnect(const std::function<bool(const Peer&)>& whose) = 0;
  /// The organization took a new key into use. An error means that it is, but not shown yet.
  virtual Status key_changed(std::string_view trust_domain, KeyPurpose purpose) = 0;
  virtual std::vector<OrganizationSummary> organizations() const = 0;
  /// By name. Returns how many leases ended.
  virtual Result<std::uint32_t> revoke_organization(const std::string& name, const std::string& reason) = 0;
};

class Endpoints {
 public:
  Endpoints(EventLoop& loop, WallClock& clock, HubCore& core, Committer& committer, std::shared_ptr<Ledger> ledger,
            HubIdentity& identity, LogPublication& publication, PeerWork& work, Front& front, LogSink& log);

  /// For the listener with mutual TLS.
  void handle(const Caller& caller, const Peer& peer, Request request, Responder respond);
  /// For the enrolment listener.
  void handle_enrolment(const Peer& peer, Request request, Responder respond);

  /// To be called after every call of the state machine: makes its effects durable, answers those who waited for them, arms the
  /// timer.
  void settle();
  /// Closes connections, and ends their waiting, of those who were revoked.
  void turn_out(const std::function<bool(const Peer&)>& whose);
  /// From now on there are no leases; those who wait are told so.
  void close();

 private:
  /// Those who wait are numbered as they came.
  using Number = std::uint64_t;
  /// An agent that waits for work, or a client that waits for a change.
  struct WaitingAgent {
    AgentId id;
    Peer peer;
    std::uint32_t max_shards;
    Responder respond;
  };
  struct WaitingClient {
    JobId job;
    Caller caller;
    Peer peer;
    std::uint64_t seen;
    Responder respond;
  };

  void take_lease(const Caller& caller, const Peer& peer, const Request& request, Responder respond);
  void heartbeat(const Caller& caller, const Peer& peer, const Request& request, Responder respond);
  /// `leased`: the lease that the token is for, here and below.
  void report(const Caller& caller, const Peer& peer, const Request& request, const LeaseId& leased, Responder respond);
  void fetch(const Caller& caller, const Peer& peer, const Request& request, std::string_view digest, const LeaseId& leased,
             Responder respond);
  void submit(const Caller& caller, const Peer& peer, const Request& request, const Ticket& ticket, Responder respond);
  void forecast(const Caller& caller, const Peer& peer, const Request& request, Responder respond);
  void cancel(const Caller& caller, const Peer& peer, const Request& request, std::string_view job, const Ticket& ticket,
              Responder respond);
  void hold(const Caller& caller, const Peer& peer, const Request& request, std::string_view job, const Ticket& ticket,
            Responder respond);
  void erase(const Caller& caller, const Peer& peer, const Request& request, std::string_view job, const Ticket& ticket,
             Responder respond);
  void appeal(const Peer& peer, const Request& request, std::string_view agent, Responder respond);
  void drain(const Peer& peer, const Request& request, std::string_view agent, Responder respond);
  /// `rest`: the job, and which part of it.
  void read_job(const Caller& caller, const Peer& peer, std::string_view rest, const Request& request, Responder respond);
  void list_jobs(const Caller& caller, Responder respond);
  void list_agents(Responder respond);
  void list_organizations(Responder respond);
  void upload(const Caller& caller, const Peer& peer, const Request& request, std::string_view digest, const Ticket& ticket,
              Responder respond);
  void read_health(const Caller& caller, Responder respond);
  void take_token(const Caller& caller, const Peer& peer, const Request& request, Responder respond);
  void renew(const Peer& peer, const Request& request, Responder respond);
  void revoke(const Caller& caller, const Peer& peer, const Request& request, Responder respond);
  void rotate(const Peer& peer, const Request& request, Responder respond);
  void read_revocation_list(const Peer& peer, const Request& request, std::uint64_t ca_epoch, Responder respond);
  void invite(const Peer& peer, const Request& request, Responder respond);
  void read_log(const Peer& peer, const Request& request, std::string_view path, Responder respond);
  void cosign(const Peer& peer, const Request& request, Responder respond);

  /// Answers once everything so far is durable.
  void answer(Responder respond, Response response);
  /// What is refused goes through one of these two, and so into the log and the audit log: `refuse` tells the peer the reason
  /// code that stands there, `decline` the bare sentence, which for contracts begins with a JSON pointer. What only fails
  /// later, off the loop (a checkpoint that lacks witnesses, a bundle that cannot be built), is no refusal.
  void refuse(const Peer& peer, const Request& request, const Error& error, Responder respond);
  void decline(const Peer& peer, const Request& request, const Error& error, Responder respond);
  void note_refusal(const Peer& peer, const Request& request, const Error& told);
  void note_allowed(const Peer& peer, Action action);
  /// Before anything is asked of the state machine: somebody may have set the clock.
  void look_at_clock();
  /// `until` in the loop's steady time.
  void wait(WaitingAgent agent, Time until);
  void wait(WaitingClient client, Time until);
  WaitingAgent leave(std::map<Number, WaitingAgent>::iterator waiting);
  WaitingClient leave(std::map<Number, WaitingClient>::iterator waiting);
  void offer_work();
  void go_on_offering();
  void tell_changes();
  void tell(WaitingClient waiting);
  void drop_late();
  void arm();

  EventLoop& loop_;
  WallClock& clock_;
  HubCore& core_;
  Committer& committer_;
  const std::shared_ptr<Ledger> ledger_;
  const HubIdentity& identity_;
  LogPublication& publication_;
  PeerWork& work_;
  Front& front_;
  LogSink& log_;
  Disposal disposal_;
  std::map<Number, WaitingAgent> waiting_agents_;
  std::map<Number, WaitingClient> waiting_clients_;
  std::multimap<AgentId, Number> waits_of_agent_;
  std::multimap<JobId, Number> waits_for_job_;
  DueQueue<Number> waits_end_;  ///< Of agents and clients.
  Number next_wait_ = 0;
  /// Who waits is offered work in turn, some at a time, until it is gone.
  struct Offering {
    Number next = 0;
    std::uint64_t executions = 0;  ///< Still to be given.
    bool any = false;              ///< It is not known how many.
    bool again = false;            ///< There is more since it began.
  };
  std::optional<Offering> offering_;
  std::unique_ptr<Subscription> next_offers_;
  std::unique_ptr<Subscription> timer_;
  Time armed_for_{};
  bool settling_ = false;
  bool closed_ = false;
};

}  // namespace forgepool::hub
