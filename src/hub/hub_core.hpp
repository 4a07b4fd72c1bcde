#pragma once
/// The hub's state machine: what happens on each message, as changes to be made durable (`effects`) and values to answer with.
/// It does no I/O and reads no clock; scheduler and verifier are its own, and it is the only one that calls them. The shell
/// around it (hub.cpp) sends no answer before the effects of the call, and of all calls before it, are durable.
#include "hub/authorization.hpp"
#include "hub/canaries.hpp"
#include "hub/due_queue.hpp"
#include "hub/effects.hpp"
#include "hub/pauses.hpp"
#include "hub/records.hpp"
#include "hub/shares.hpp"
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
  /// Whether the token that came with a request permits it. For what changes something: the ticket to go on with;
  /// `unauthenticated` token_replayed if the token was used for something else.
  Result<Ticket> check_permit(const Caller& caller, const Peer& peer, const Rule& rule, const Request& request,
                              const Subject& subject, Time now);
  /// A token for what is asked, and for nothing that the caller may not do, or that the token `parent` (empty: none) is not
  /// for.
  Result<wire::fb::TokenGrantT> give_token(const Caller& caller, const Peer& peer, const wire::fb::TokenAskT& ask,
                                           const std::string& parent, Time now);
  /// The lease that the token is for, if it permits this.
  Result<LeaseId> leased_by(const std::string& token, const Peer& peer, std::string_view action, Time now) const;
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
  /// Where an input stands in the ledger's state, and what opens that record.
  std::string input_place(const Digest& digest) const { return input_key(input_names_->name_of(digest)); }
  Result<std::shared_ptr<const ContentKey>> input_content_key(const Digest& digest) const;
  std::vector<AgentSummary> agents(Time now) const;
  struct UnhealthyAgent {
    AgentId id;
    std::string reason;
  };
  /// Agents that cannot work, and whose owners should know: their certificate ran out, or soon will without having been
  /// renewed. Anybody may ask how many: takes the time of a look at each agent's record, whatever jobs there are.
  std::vector<UnhealthyAgent> unhealthy(Time now) const;
  /// Makes a join token and returns its text.
  Result<std::string> invite(const Invitation& invitation, Time now);
  /// Ends an agent's quarantine if a replay of the shard where it was caught gave what it returned; puts those into quarantine
  /// who had agreed on what was accepted instead, as the verdict in the ledger says; and marks the job. not_found if there is
  /// no such agent, job or charge; conflict if it is not in quarantine, or the replay gave something else.
  /// `sealed_verdict`: what the ledger's state has at `verdict_key` of the shard; every commit before must have been durable.
  Result<AgentSummary> appeal(const AgentId& agent, const Appeal& appeal, const std::optional<Bytes>& sealed_verdict, Time now);
  Result<AgentSummary> drain(const AgentId& agent, bool draining, Time now);
  /// What the hub says of its configuration, for `assess_posture` (posture.cpp). RFC 8785 JSON.
  std::string posture() const;

  // --- retention and erasure (retention.cpp, erasure.cpp, disposal.hpp)
  /// A legal hold: while it is there, nothing of the job is deleted. Its owner cannot release what an operator holds
  /// (`denied`).
  Result<JobStatus> hold(const JobId& job, bool held, const Caller& caller, const Ticket& ticket, Time now);
  /// Whether the caller may have the job erased now: `conflict` while it runs or is held; `erased` if it was already. If so
  /// there are no canaries of it from here on, so that a list of its keys names all there will be.
  Status may_erase(const JobId& job, const Caller& caller, const Ticket& ticket, Time now);
  /// What is to be deleted now that this class cannot name: for that its keys in the ledger's state are needed.
  struct DueDeletion {
    JobId job;
    bool all = false;  ///< The job is to be erased; otherwise only its result and outputs are to go.
  };
  /// No canaries are made of these jobs any more.
  std::vector<DueDeletion> take_due_deletions(Time now);
  /// One that was taken could not be done: it is due again then.
  void postpone_deletion(const JobId& job, Time until);
  /// `keys`: all that start with one of `job_prefixes` and the job's id; every commit before must be durable and read. Nothing
  /// happens if it is not due, or held, any more.
  void delete_results(const JobId& job, const std::vector<std::string>& keys, Time now);
  /// `conflict` if the job is held, or runs.
  Status erase(const JobId& job, std::string_view reason, const std::vector<std::string>& keys, Time now);
  /// When what was deleted has to leave the disk, too: nothing if there is nothing.
  std::optional<Time> disposal_due() const { return disposal_due_; }
  void dispose_at(std::optional<Time> due) { disposal_due_ = due; }
  Duration disposal_interval() const { return parts_.options.disposal_interval; }
  /// Wraps all keys of content under another one: what was wrapped under the one before can go.
  void rewrap(WrappingKey wrapping);
  const WrappingKey& wrapping() const { return wrapping_; }
  /// All that was deleted before `rewrap` is gone.
  void disposed();

  // --- enrolment and renewal
  /// Whether somebody may come in with this key: it is no agent's, in quarantine or not, and was not revoked.
  Status may_enrol(const Digest& key_pin) const;
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
  Status admit(const Peer& peer, Time now, Duration grace = {}) const;
  /// How long ago a certificate may have expired for this.
  Duration grace_for(Action action) const { return action == Action::renew ? parts_.options.renewal_grace : Duration::zero(); }
  Status admit_name(std::string_view spiffe_id) const;
  std::uint32_t running_jobs() const { return static_cast<std::uint32_t>(running_.size()) - running_canaries_; }
  std::uint32_t agent_count() const { return static_cast<std::uint32_t>(agents_.size()); }
  bool has_lease(const LeaseId& lease) const { return parts_.scheduler.find(lease).has_value(); }
  std::string_view organization() const { return parts_.identity.trust_domain; }

  // --- agents
  /// `denied` for an agent that is unknown, has another key, or is in quarantine.
  Status admit_agent(const AgentId& agent, const Peer& peer) const;
  /// What an agent's sandbox can do by its own word, until it says otherwise or the hub restarts. invalid_input for names that
  /// do not exist.
  Status offered_sandbox(const AgentId& agent, const wire::fb::LeaseAskT& ask);
  /// What an agent has measured of itself, until it says otherwise or the hub restarts. invalid_input if it is not an id.
  Status measured_numeric_class(const AgentId& agent, const std::string& numeric_class);
  /// Nothing if there is no work for it now. `denied` for an agent that is unknown, has another key, or is in quarantine.
  /// It `asks` now, or asked before and waits since: then this is no sign of life.
  Result<std::optional<wire::fb::LeaseGrantT>> take_lease(const AgentId& agent, const Peer& peer, std::uint32_t max_shards,
                                                          bool asks, Time now);
  Result<wire::fb::HeartbeatAnswerT> heartbeat(const AgentId& agent, const Peer& peer, const wire::fb::HeartbeatT& heartbeat,
                                               Time now);
  /// What is taken is answered with a promise that its receipt is in the log. `leased`: the lease that the token with the
  /// report is for.
  Result<wire::fb::ReportTakenT> report(const AgentId& agent, const Peer& peer, const LeaseId& leased,
                                        const wire::fb::LeaseResultT& result, Time now);
  /// Whether the agent may fetch `digest` for its lease: it is the adapter or an input of a shard of it.
  Status may_fetch(const AgentId& agent, const LeaseId& leased, const Digest& digest) const;
  /// An adapter package that is in memory anyway; null otherwise.
  std::shared_ptr<const AdapterPackage> adapter(const Digest& digest) const;

  // --- time
  void tick(Time now);
  /// What an agent said of its clock, Unix milliseconds, 0 for nothing. `unavailable` agent_clock if it is too far from ours.
  Status told_clock(const AgentId& id, std::int64_t clock_ms, Time now);
  /// The wall clock was set, by so much: what is waited for moves with it, what is dated stays.
  void clock_set(Duration by);
  std::optional<Time> next_deadline() const;

  // --- what came of it
  Effects& effects() { return effects_; }
  /// Jobs whose status changed since the last call.
  std::set<JobId> take_changed_jobs() { return std::exchange(changed_jobs_, {}); }
  /// That there may be work for agents that were told there is none.
  struct NewWork {
    std::uint64_t executions = 0;  ///< So many are wanted that were not before;
    bool any = false;              ///< or nobody knows how many.
  };
  NewWork take_new_work() { return {std::exchange(newly_wanted_, 0), std::exchange(new_work_, false)}; }
  const Job* find(const JobId& job) const;
  /// Nothing, or that it was erased: to those whose it was.
  std::optional<Error> erased(const JobId& job, const Caller& caller) const;
  Result<const Job*> find_for(const JobId& job, const Caller& caller) const;

 private:
  // restore.cpp
  struct Replay;
  Status restore_keys(const Ledger& ledger);
  Status restore_inputs(const Ledger& ledger);
  Status restore_jobs(const Ledger& ledger);
  Status restore_erased(const Ledger& ledger);
  Result<std::shared_ptr<const AdapterPackage>> restore_adapter(const Ledger& ledger, const Digest& digest) const;
  Status restore_certificates(const Ledger& ledger);
  Status restore_running(const Ledger& ledger, Time now);
  Status restore_canaries(const Ledger& ledger, Time now);
  Status restore_grants(const Ledger& ledger, Job& job);
  Status restore_reports(const Ledger& ledger, Job& job);
  Status replay_entry(const JournalEntry& entry, Replay& replay);
  Status hold_against_records(const Ledger& ledger, const Replay& replay);

  /// The job that the contract would be, with its plan; without ids of its own.
  Result<Job> prepare(Contract contract, const Caller& caller, Time now) const;
  /// `unavailable` if as many jobs run as may.
  Status may_run_more() const;
  Result<wire::fb::EnrolledT> issue(const PublicKey& key, const identity::SpiffeId& id, Duration life, Time now);
  /// What an agent says of itself makes work for the scheduler that stays: `denied` after so many changes.
  Status note_word(const AgentId& agent);
  /// Fails the jobs that have most of the outputs in memory until the rest is within bounds.
  void bound_outputs(Time now);
  Result<AgentRecord*> admitted(const AgentId& agent, const Peer& peer);
  SchedulerAgent as_scheduled(const AgentRecord& record) const;
  bool owns(const AgentId& agent, Action action, const Lease& lease) const;
  Result<PublicKey> key_of(const Peer& peer) const;
  /// The only way in which tokens are made.
  Result<std::string> mint(const identity::TokenClaims& parent, identity::Narrowing wish, const Peer& holder, Time now);
  identity::TokenClaims authority_of(const Caller& caller) const;
  Result<identity::TokenClaims> check_token(const std::string& token, const Peer& peer, std::string_view action,
                                            Time now) const;
  std::string mint_lease_token(const Peer& peer, const Lease& lease, const Job& job, Time now);
  /// In the time of a clock that nobody sets.
  Time steady(Time now) const { return now - set_by_; }
  /// Those that tokens may be signed with.
  std::vector<PublicKey> token_keys(Time now) const;
  wire::fb::LeaseGrantT describe(const Lease& lease, const Job& job, std::string token, Time now) const;

  // reports.cpp
  /// One shard's outcome in a report, after everything about it was checked.
  struct CheckedShard {
    AnsweredShard answer;    ///< Of one that `never_ran`, only the shard.
    SandboxOutcome outcome;  ///< Its detail is foreign text.
    bool never_ran = false;  ///< The agent could not even try: its trouble, not the shard's.
    std::shared_ptr<const Bytes> output;
  };
  Result<std::vector<CheckedShard>> check_report(const Lease& lease, const Job& job,
                                                 const wire::fb::LeaseResultT& result) const;
  void take_answers(Job& job, const Lease& lease, const std::vector<CheckedShard>& shards, Time now);
  Result<wire::fb::ReportTakenT> promise(const LeaseId& lease, const Reported& reported, Time now) const;
  /// What the job notes of an answer besides what the verifier does.
  static void note_answer(Job& job, const AnsweredShard& answer);
  /// Ends the lease of a report that does not hold; returns the error.
  Status refuse_report(Job& job, const Lease& lease, const Error& error, Time now);
  /// The shard, of which the agent made nothing, is wanted of others.
  void give_to_others(const Job& job, const AgentId& agent, std::uint32_t index, Time now);

  void apply(const std::vector<VerifierAction>& actions, Time now);
  void carry_out(const Execute& execute);
  /// Why the job fails with it, if it does; it goes on until all of the actions are carried out.
  std::optional<std::string> carry_out(const ShardVerdict& verdict, Time now);
  void carry_out(const Discredit& discredit);
  /// What the verifier says of the shard, and what answers mean that say that it fails.
  std::string explain_answers(const Job& job, std::uint32_t index) const;
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
  /// Of the other canaries that are under way with this shard, by its number in their source.
  void keep_from_others(const Job& canary, std::uint32_t number, const AgentId& agent);
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

  /// Adds to the status what only this class knows of why the job waits.
  void add_pauses(JobStatus& status, Time now) const;
  /// What agents earned in a job that ended outlives it.
  void keep_credit(const std::vector<AgentCredit>& earned);
  void finish_if_complete(Job& job, Time now);
  void end_job(Job& job, JobState state, std::string failure, Time now);

  void end_leases(const std::vector<Lease>& leases);
  /// They ran out. Their agents may only have been cut off: what becomes of them is said when they are heard of again.
  void lapse(const std::vector<Lease>& leases);
  /// A lease of the agent that ran out; null if there is none, or it got one of its shards anew.
  const Lease* find_lapsed(const LeaseId& lease, const AgentId& agent) const;
  void forget_lapsed(const Lease& lease);
  /// Of the agent, that has shards in common with the lease that it was granted now.
  void forget_lapsed_like(Job& job, const Lease& granted);
  /// True if nobody else has taken what it is of; it goes on then.
  bool resume(const LeaseId& lease, const AgentId& agent, Time now);
  /// Commits to a fact; the record that opens the commitment is still to be kept.
  EventRecord commit_to(std::string_view kind, std::string content);
  /// Ends one lease; its shards wait again.
  bool requeue(const LeaseId& lease);
  Result<Revoked> revoke_agent(const std::string& id, const std::string& reason, Time now);
  Result<Revoked> revoke_client(const std::string& id);
  /// SHA-256 in hex; empty if the hub knows of no good certificate of that client's.
  std::string key_of_client(const std::string& id) const;
  Result<Revoked> revoke_operator(const std::string& id, Time now, std::string& recorded);
  Result<Revoked> revoke_token(const std::string& id, Time now, std::string& recorded);
  Result<Revoked> revoke_key(const std::string& id);
  void record_revocation(RevocationRecord record);
  /// Keeps what was issued to an agent or client, and forgets what no list has to name any more.
  void remember_certificate(CertificateRecord record, Time now);
  void keep_certificate(Time until, CertificateRecord record);
  /// `unavailable` for a name that has as many as anybody needs.
  Status may_have_another(const std::string& name, Time now);
  void forget_certificates(Time now);
  std::optional<RevokedCertificate> revoked_certificate(const CertificateRecord& record) const;
  Resource resource_of(const Job& job) const { return {parts_.identity.trust_domain, job.owner}; }
  /// Commits to what was decided on where the contract's data may be.
  void log_residency(Job& job);
  void log_event(Job& job, std::string_view kind, std::string content);
  /// Before the agent is told of it: what was given to whom cannot be made up afterwards.
  void log_grant(const Job& job, const Lease& lease);
  /// What the job gives out, each by its digest.
  void log_artifacts(Job& job, std::string_view result, const std::vector<ByteView>& outputs);
  void journal(const JournalEntry& entry, Job* job);
  void changed(Job& job);
  /// Every record of a job goes this way: encrypted under its key.
  void keep(const Job& job, std::string place, ByteView content) {
    Bytes sealed = job.key->seal(parts_.random, place, content);
    effects_.put(std::move(place), std::move(sealed));
  }
  void keep(const Job& job, std::string place, std::string_view content) { keep(job, std::move(place), as_bytes(content)); }
  void save(const Job& job) {
    if (job.canary_of)
      keep(job, canary_key(*job.canary_of, job.id), write_canary(job));
    else
      keep(job, job_key(job.id), write_job(job));
  }
  void keep_wrapped(std::string place, ByteView secret) {
    Bytes wrapped = wrapping_.wrap(parts_.random, place, secret);
    effects_.put(std::move(place), std::move(wrapped));
  }
  static Status is_erasable(const Job& job);
  // retention.cpp
  void log_deletion(Job& job, std::string_view what, Time now);
  static bool evidence_ends(const Job& job, Time now);
  void schedule_deletion(const Job& job);
  void unschedule_deletion(const JobId& job);
  void delete_inputs(Job& job, Time now);
  /// Deletes what can be without knowing more than this class does: inputs of jobs that ended, and those that nobody used.
  void sweep(Time now);
  /// Something was deleted whose remains have to leave the disk.
  void dispose_later(Time now);
  // inputs.cpp
  /// Whoever uploaded an input may name it, until the jobs that did are done with it.
  struct Claim {
    Time uploaded_at{};      ///< The last time.
    std::uint32_t jobs = 0;  ///< That hold on to it.
    bool due = false;        ///< It stands in `uploads_`.
  };
  struct Input {
    std::uint64_t bytes = 0;
    std::shared_ptr<const ContentKey> key;
    std::map<std::string, Claim> claims;  ///< By Caller::owner.
  };
  void claim_inputs(const Job& job);
  bool release_inputs(const Job& job, Time now);
  void drop_claim(const Digest& digest, const std::string& owner);
  void drop_unused_inputs(Time now);
  /// `unavailable` if the hub has no space for so much more.
  Status take_input_space(std::uint64_t bytes);
  static std::uint64_t cost_of(const Input& input);
  void keep_upload(const Digest& digest, const std::string& owner, Claim& claim);
  std::string reason_of(const AgentRecord& agent) const;
  std::string fresh_id(std::string_view prefix);
  bool is_present(const AgentId& agent, Time now) const;
  AgentSummary summary(const AgentRecord& agent, Time now) const;
  /// What keeps an agent that is not in quarantine from work; empty if nothing does.
  std::string hindrance(const AgentRecord& agent, Time now) const;
  JobStatus full_status(const Job& job, Time now) const;

  // Constant after construction.
  CoreParts parts_;

  Effects effects_;
  std::map<JobId, Job> jobs_;
  std::set<JobId> running_;    ///< Canaries included.
  DueQueue<JobId> deadlines_;  ///< Of those that run.
  Canaries canaries_;
  std::uint32_t running_canaries_ = 0;
  std::vector<JobId> over_canaries_;
  std::map<AgentId, AgentRecord> agents_;
  std::map<AgentId, Time> last_seen_;
  Duration set_by_{};                       ///< By how much the wall clock was set since we began.
  std::map<AgentId, Duration> clocks_off_;  ///< By how much those of agents are ahead that are too far from ours.
  std::map<AgentId, std::string> measured_classes_;
  std::map<AgentId, SandboxAbility> offered_sandboxes_;
  std::map<Digest, InvitationRecord> invitations_;
  UsedTokens used_tokens_;
  std::unordered_map<Digest, Input> inputs_;
  std::multimap<Time, std::pair<Digest, std::string>> uploads_;  ///< When an upload that no job used is forgotten.
  std::shared_ptr<const ContentKey> input_names_;
  std::map<std::pair<std::string, std::string>, RevocationRecord> revocations_;  ///< By kind and id.
  std::multimap<Time, CertificateRecord> certificates_;                          ///< By until when they are kept.
  std::map<std::string, std::uint32_t> certificates_of_;                         ///< How many, by name.
  std::uint64_t list_number_ = 0;                                                ///< Of the last revocation list.
  std::uint64_t input_bytes_ = 0;                                                ///< `cost_of` all inputs.
  Shares job_shares_;  ///< `Job::kept_bytes` of all jobs but canaries.
  std::uint64_t running_output_bytes_ = 0;
  std::map<AgentId, std::uint32_t> words_;  ///< How often agents said something new of themselves.
  WrappingKey wrapping_;
  DueQueue<JobId> deletions_;                   ///< When the next thing of a job that ended is to be deleted.
  std::map<std::string, ErasedRecord> erased_;  ///< By their keys in the state.
  std::optional<Time> disposal_due_;
  std::uint64_t deleted_ = 0, rewrapped_at_ = 0;  ///< Deletions so far, and of these, before the last `rewrap`.
  std::uint64_t next_journal_ = 0;
  std::map<AgentId, std::uint64_t> earned_;                   ///< Of agents not in quarantine, in jobs that ended,
  std::vector<std::uint64_t> credits_;                        ///< and the journal entries that say so.
  std::map<AgentId, std::vector<std::uint64_t>> discredits_;  ///< Journal entries that say who claimed what was refuted.
  Pauses pauses_;
  std::set<JobId> changed_jobs_;
  std::uint64_t newly_wanted_ = 0;  ///< Executions,
  bool new_work_ = false;           ///< or there may be any number.
};

}  // namespace forgepool::hub
