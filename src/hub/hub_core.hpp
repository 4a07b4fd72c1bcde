#pragma once
/// The hub's state machine: what happens on each message, as changes to be made durable (`effects`) and values to answer with.
/// It does no I/O and reads no clock; scheduler and verifier are its own, and it is the only one that calls them. The shell
/// around it (hub.cpp) sends no answer before the effects of the call, and of all calls before it, are durable.
#include "hub/authorization.hpp"
#include "hub/canaries.hpp"
#include "hub/effects.hpp"
#include "hub/records.hpp"
#include "hub/used_tokens.hpp"
#include "identity/narrowing.hpp"
#include "identity/svid.hpp"
#include "wire/bundle.hpp"
#include "wire/messages.hpp"

#include <forgepool/hub.hpp>

#include <map>
#include <set>
#include <unordered_map>

namespace forgepool::hub {

struct CoreParts {
  HubIdentity& identity;     ///< The organization's; keys are rotated and revoked in it.
  const HubIdentity& front;  ///< What the hub shows to everybody; the same object for the hub's own organization.
  const HubOptions& options;
  Scheduler& scheduler;
  Verifier& verifier;
  std::vector<std::shared_ptr<const AdapterPackage>> adapters;
  RandomSource random;
  LogSink& log;
};

class HubCore {
 public:
  HubCore(CoreParts parts, std::uint64_t ledger_size);

  /// Brings the state back from what was made durable (restore.cpp). Call once, first.
  Status restore(const Ledger& ledger, Time now);

  // --- tokens (tokens.cpp)
  /// What a request is about, as its path says it.
  struct Subject {
    std::string job{};
    std::optional<Digest> blob{};
  };
  /// Whether the token that came with a request permits it. For what changes something: the ticket to go on with; `unauthenticated`
  /// token_replayed if the token was used for something else.
  Result<Ticket> check_permit(const Caller& caller, const Peer& peer, const Rule& rule, const Request& request,
                              const Subject& subject, Time now) const;
  /// A token for what is asked, and for nothing that the caller may not do, or that the token `parent` (empty: none) is not for.
  Result<wire::fb::TokenGrantT> give_token(const Caller& caller, const Peer& peer, const wire::fb::TokenAskT& ask,
                                           const std::string& parent, Time now);
  /// For reading and cancelling this job and asking for nothing wider.
  Result<std::string> job_token(const Caller& caller, const Peer& peer, const JobId& job, Time now);
  std::uint64_t token_life_ms() const;

  // --- clients and operators. What changes something takes the ticket that it is asked with: the same one again is answered as
  // before.
  Result<JobStatus> submit(std::string_view contract, const Caller& caller, const Ticket& ticket, Time now);
  Result<JobStatus> status(const JobId& job, const Caller& caller, Time now) const;
  /// `conflict` if the job ended otherwise.
  Result<JobStatus> cancel(const JobId& job, const Caller& caller, const Ticket& ticket, Time now);
  /// What submitting the contract would come to; changes nothing.
  Result<JobForecast> forecast(std::string_view contract, const Caller& caller, Time now) const;
  Result<JobExplanation> explain(const JobId& job, const Caller& caller, Time now) const;
  std::vector<JobStatus> list(const Caller& caller, Time now) const;
  Status upload(const Digest& digest, Bytes content, const Caller& caller, const Ticket& ticket, Time now);
  std::vector<AgentSummary> agents(Time now) const;
  /// Agents that cannot work, and whose owners should know: their certificate ran out, or soon will without having been
  /// renewed.
  std::vector<AgentSummary> unhealthy(Time now) const;
  /// Makes a join token and returns its text.
  Result<std::string> invite(const Invitation& invitation, Time now);
  /// Ends an agent's quarantine if a replay of the shard where it was caught gave what it returned; puts those into quarantine who
  /// had agreed on what was accepted instead, as the verdict in the ledger says; and marks the job. not_found if there is no such
  /// agent, job or charge; conflict if it is not in quarantine, or the replay gave something else.
  Result<AgentSummary> appeal(const AgentId& agent, const Appeal& appeal, const Ledger& ledger, Time now);
  Result<AgentSummary> drain(const AgentId& agent, bool draining, Time now);

  // --- enrolment and renewal
  bool knows_invitation(ByteView secret) const;
  Result<wire::fb::EnrolledT> enrol(ByteView secret, ByteView certificate_request, Time now);
  /// A new certificate for the same name and key.
  Result<wire::fb::EnrolledT> renew(const Peer& peer, ByteView certificate_request, Time now);

  // --- keys and revocation (revocation.cpp)
  /// Whom a revocation is about, among those who are connected, and what it ended.
  struct Revoked {
    std::uint32_t leases = 0;
    std::function<bool(const Peer&)> whose;
  };
  /// `kind`: agent, client, operator, token, key. not_found, conflict (a key that is in use, or what is revoked already).
  Result<Revoked> revoke(const std::string& kind, const std::string& id, const std::string& reason, Time now);
  /// Only keeps it: what it means is for the hub. `id` is the organization's trust domain.
  Status record_organization_revoked(const std::string& trust_domain, const std::string& reason, Time now);
  std::vector<std::string> revoked_organizations() const;
  /// Ends all leases; their shards wait for agents that will not come.
  std::uint32_t stand_still(Time now);
  Result<KeyId> rotate(KeyPurpose purpose, Time now);
  /// A revocation list (DER) of what the CA of this epoch issued to agents and clients that were revoked or are in quarantine;
  /// 0: of the one in use. not_found for a CA that is not, or no longer, there (revocation_list.cpp).
  Result<Bytes> revocation_list(std::uint32_t ca_epoch, Time now);
  /// Asked in every handshake and with every request. `unauthenticated` or `denied`, with a code.
  Status admit(const Peer& peer, Time now) const;
  Status admit_name(std::string_view spiffe_id) const;
  std::uint32_t running_jobs() const { return static_cast<std::uint32_t>(running_.size()) - running_canaries_; }
  std::uint32_t agent_count() const { return static_cast<std::uint32_t>(agents_.size()); }
  bool has_lease(const LeaseId& lease) const { return parts_.scheduler.find(lease).has_value(); }
  std::string_view organization() const { return parts_.identity.trust_domain; }

  // --- agents
  /// What an agent has measured of itself, until it says otherwise or the hub restarts. invalid_input if it is not an id.
  Status measured_numeric_class(const AgentId& agent, const std::string& numeric_class);
  /// Nothing if there is no work for it now. `denied` for an agent that is unknown, has another key, or is in quarantine.
  /// It `asks` now, or asked before and waits since: then this is no sign of life.
  Result<std::optional<wire::fb::LeaseGrantT>> take_lease(const AgentId& agent, const Peer& peer, std::uint32_t max_shards,
                                                          bool asks, Time now);
  Result<wire::fb::HeartbeatAnswerT> heartbeat(const AgentId& agent, const Peer& peer, const wire::fb::HeartbeatT& heartbeat,
                                               Time now);
  Status report(const AgentId& agent, const Peer& peer, const std::string& token, const wire::fb::LeaseResultT& result,
                Time now);
  /// Whether the holder of `token` may fetch `digest`: it is the adapter or an input of a shard of its lease.
  Status may_fetch(const AgentId& agent, const Peer& peer, const std::string& token, const Digest& digest, Time now) const;
  /// An adapter package that is in memory anyway; null otherwise.
  std::shared_ptr<const AdapterPackage> adapter(const Digest& digest) const;

  // --- time
  void tick(Time now);
  std::optional<Time> next_deadline() const;

  // --- what came of it
  Effects& effects() { return effects_; }
  /// Jobs whose status changed since the last call.
  std::set<JobId> take_changed_jobs() { return std::exchange(changed_jobs_, {}); }
  /// True if there may be work for agents that were told there is none.
  bool take_new_work() { return std::exchange(new_work_, false); }
  const Job* find(const JobId& job) const;
  Result<const Job*> find_for(const JobId& job, const Caller& caller) const;

 private:
  // restore.cpp
  struct Replay;
  Status restore_jobs(const Ledger& ledger);
  Status restore_certificates(const Ledger& ledger);
  Status restore_running(const Ledger& ledger, Time now);
  Status restore_canaries(const Ledger& ledger, Time now);
  Status restore_grants(const Ledger& ledger, Job& job);
  Status replay_entry(const JournalEntry& entry, Replay& replay);

  /// The job that the contract would be, with its plan; without ids of its own.
  Result<Job> prepare(Contract contract, const Caller& caller, Time now) const;
  /// `unavailable` if as many jobs run as may.
  Status may_run_more() const;
  Result<wire::fb::EnrolledT> issue(const PublicKey& key, const identity::SpiffeId& id, Duration life, Time now);
  Result<AgentRecord*> admitted(const AgentId& agent, const Peer& peer);
  SchedulerAgent as_scheduled(const AgentRecord& record) const;
  bool owns(const AgentId& agent, Action action, const Lease& lease) const;
  Result<PublicKey> key_of(const Peer& peer) const;
  /// The only way in which tokens are made.
  Result<std::string> mint(const identity::TokenClaims& parent, identity::Narrowing wish, const Peer& holder, Time now);
  identity::TokenClaims authority_of(const Caller& caller) const;
  Result<identity::TokenClaims> check_token(const std::string& token, const Peer& peer, std::string_view action, Time now) const;
  std::string mint_lease_token(const Peer& peer, const Lease& lease, const Job& job, Time now);
  /// Those that tokens may be signed with.
  std::vector<PublicKey> token_keys(Time now) const;
  /// The lease that the token is for.
  Result<LeaseId> check_lease_token(const std::string& token, const Peer& peer, std::string_view action, Time now) const;
  wire::fb::LeaseGrantT describe(const Lease& lease, const Job& job, std::string token, Time now) const;

  /// One shard's outcome in a report, after everything about it was checked.
  struct CheckedShard {
    std::uint32_t index = 0;
    std::optional<Digest> result;  ///< None: the execution ended badly,
    std::string trouble;           ///< like this.
    bool never_ran = false;        ///< The agent could not even try: its trouble, not the shard\'s.
    std::shared_ptr<const Bytes> output;
  };
  Result<std::vector<CheckedShard>> check_report(const Lease& lease, const Job& job,
                                                 const wire::fb::LeaseResultT& result) const;
  void take_answers(Job& job, const Lease& lease, const std::vector<CheckedShard>& shards, Time now);
  /// Ends the lease of a report that does not hold, as failed executions; returns the error.
  Status refuse_report(Job& job, const Lease& lease, const Error& error, Time now);
  void take_failure(Job& job, const AgentId& agent, const CheckedShard& shard, Time now);

  void apply(const std::vector<VerifierAction>& actions, Time now);
  void carry_out(const Execute& execute);
  void carry_out(const ShardVerdict& verdict, Time now);
  /// Takes the agent out of work; false if it was already.
  bool bench(const Quarantine& quarantine, Time now);
  /// Puts it into the evidence of the jobs it worked on. `at`: the job in which it was caught, if that runs.
  void publish(const Quarantine& quarantine, const JobId& at);

  // canary_jobs.cpp
  /// If enough are due, and there are shards and agents for it. `asking` is the job whose policy asks for it.
  void give_out_canary(const Job& asking, Time now);
  Job& put_canary(Job job, KnownShards shards, Time now);
  /// The lease was granted: who had which shard says who may get it as a canary.
  void gave(Job& job, const Lease& lease);
  static void answered_canary(Job& job, std::uint32_t index);
  void end_canary(Job& job, Time now);
  /// Those that are over stay where they are until nobody refers to them any more.
  void forget_canaries();
  /// The job ended well: what it knows outlives it.
  void keep_known(const Job& job);
  /// Nothing of the job may be given out again.
  void know_no_more(const JobId& id, Time now);
  /// A charge at a canary, as one at the shard that it was made of.
  Quarantine in_source(const Quarantine& quarantine) const;
  void publish_canary(const Quarantine& quarantine, const Quarantine& at_source);

  /// What agents earned in a job that ended outlives it.
  void keep_credit(const std::vector<AgentCredit>& earned);
  void finish_if_complete(Job& job, Time now);
  void end_job(Job& job, JobState state, std::string failure, Time now);

  void end_leases(const std::vector<Lease>& leases);
  /// Commits to a fact; the record that opens the commitment is still to be kept.
  EventRecord commit_to(std::string_view kind, std::string content);
  /// Ends one lease; its shards wait again.
  bool requeue(const LeaseId& lease);
  Result<Revoked> revoke_agent(const std::string& id, const std::string& reason, Time now);
  Result<Revoked> revoke_client(const std::string& id);
  Result<Revoked> revoke_operator(const std::string& id, Time now, std::string& recorded);
  Result<Revoked> revoke_token(const std::string& id, Time now, std::string& recorded);
  Result<Revoked> revoke_key(const std::string& id);
  void record_revocation(RevocationRecord record);
  /// Keeps what was issued to an agent or client, and forgets what no list has to name any more.
  void remember_certificate(CertificateRecord record, Time now);
  void forget_certificates(Time now);
  std::optional<RevokedCertificate> revoked_certificate(const CertificateRecord& record) const;
  Resource resource_of(const Job& job) const { return {parts_.identity.trust_domain, job.owner}; }
  void log_event(Job& job, std::string_view kind, std::string content);
  /// Before the agent is told of it: what was given to whom cannot be made up afterwards.
  void log_grant(const Job& job, const Lease& lease);
  /// What the job gives out, each by its digest.
  void log_artifacts(Job& job, std::string_view result, const std::vector<ByteView>& outputs);
  void journal(const JournalEntry& entry, Job* job);
  void changed(Job& job);
  void save(const Job& job) {
    if (job.canary_of)
      effects_.put(canary_key(job.id), write_canary(job));
    else
      effects_.put(job_key(job.id), write_job(job));
  }
  std::string fresh_id(std::string_view prefix);
  bool is_present(const AgentId& agent, Time now) const;
  AgentSummary summary(const AgentRecord& agent, Time now) const;
  JobStatus full_status(const Job& job, Time now) const;

  // Constant after construction.
  CoreParts parts_;

  Effects effects_;
  std::map<JobId, Job> jobs_;
  std::set<JobId> running_;  ///< Canaries included.
  Canaries canaries_;
  std::uint32_t running_canaries_ = 0;
  std::vector<JobId> over_canaries_;
  std::map<AgentId, AgentRecord> agents_;
  std::map<AgentId, Time> last_seen_;
  std::map<AgentId, std::string> measured_classes_;
  std::map<Digest, InvitationRecord> invitations_;
  UsedTokens used_tokens_;
  struct Blob {
    std::uint64_t bytes = 0;
    std::set<std::string> owners;  ///< Who uploaded it, and may use it; see Caller::owner.
  };
  std::unordered_map<Digest, Blob> blobs_;
  std::map<std::pair<std::string, std::string>, RevocationRecord> revocations_;  ///< By kind and id.
  std::multimap<Time, CertificateRecord> certificates_;                          ///< By until when they are kept.
  std::uint64_t list_number_ = 0;                                                ///< Of the last revocation list.
  std::uint64_t blob_bytes_ = 0;
  std::uint64_t next_journal_ = 0;
  std::map<AgentId, std::uint64_t> earned_;  ///< Of agents not in quarantine, in jobs that ended,
  std::vector<std::uint64_t> credits_;       ///< and the journal entries that say so.
  std::set<JobId> changed_jobs_;
  bool new_work_ = false;
};

}  // namespace forgepool::hub
