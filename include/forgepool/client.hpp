#pragma once
/// A client of one hub: submits contracts, follows jobs, fetches results and evidence. Every call may be repeated; a call that
/// fails with `unavailable` was perhaps carried out, and submitting the same contract under the same job id again is the same
/// job.
///
/// Threads: use it on its event loop; callbacks run there, never inside the call, and not after the client is destroyed.
#include <forgepool/credentials.hpp>
#include <forgepool/event_loop.hpp>
#include <forgepool/invitation.hpp>
#include <forgepool/job.hpp>
#include <forgepool/log.hpp>
#include <forgepool/transport.hpp>

namespace forgepool {

struct ClientOptions {
  std::string hub_address = "127.0.0.1";
  std::uint16_t hub_port = 0;
};

struct RotatedKey {
  KeyId id;
  std::string trusted_root;  ///< What auditors trust from now on; what they had stays good for what was signed before.
};

class Client {
 public:
  template <class T>
  using Callback = std::function<void(Result<T>)>;

  virtual ~Client() = default;

  /// Makes an input known to the hub; idempotent. Contracts name inputs by digest.
  virtual void upload(Bytes content, Callback<Digest> done) = 0;
  /// Errors as from parse_contract and AdapterPackage::plan; `conflict` if the job id is taken by another contract.
  virtual void submit(std::string contract, Callback<JobStatus> done) = 0;
  /// The status, as soon as its version exceeds `seen`, or after `wait` at the latest.
  virtual void status(const JobId& job, std::uint64_t seen, Duration wait, Callback<JobStatus> done) = 0;
  /// Follows the job to its end, across reconnections; `progress` (may be empty) sees every change of status.
  virtual void wait(const JobId& job, std::function<void(const JobStatus&)> progress, Callback<JobStatus> done) = 0;
  /// RFC 8785 JSON. `unavailable` while the job runs, `not_found` if it failed.
  virtual void result(const JobId& job, Callback<std::string> done) = 0;
  /// The artifact bundle; see audit.hpp.
  virtual void bundle(const JobId& job, Callback<std::string> done) = 0;
  virtual void explain(const JobId& job, Callback<JobExplanation> done) = 0;
  virtual void jobs(Callback<std::vector<JobStatus>> done) = 0;

  /// Ends a running job; its shards under way are told with their next heartbeat. `conflict` if it is over already (but not if
  /// it was cancelled before).
  virtual void cancel(const JobId& job, Callback<JobStatus> done) = 0;
  /// Everything that a job left on the hub is destroyed, keys first; whatever is asked about it afterwards is `not_found` with
  /// the reason "erased: …". `done` is called when nothing of it is on the hub's disk any more. `conflict` while it runs or is
  /// held.
  virtual void erase(const JobId& job, Callback<void> done) = 0;
  /// A legal hold: nothing of the job is deleted while it is there. `denied` to owners for what an operator holds.
  virtual void hold(const JobId& job, bool held, Callback<JobStatus> done) = 0;
  /// What submitting the contract would come to now; nothing is kept. Errors as from `submit`.
  virtual void forecast(std::string contract, Callback<JobForecast> done) = 0;
  /// A new certificate for our name and key, used from the next connection on: keep it (update_credentials).
  virtual void renew(Callback<Credentials> done) = 0;
  /// RFC 8785 JSON: `status` ("ok", "degraded"), `ledger_size`, `unhealthy_agents`, and for operators `agents`, with reasons.
  virtual void health(Callback<std::string> done) = 0;

  /// A resource of the hub's log, as C2SP tlog-tiles names it ("checkpoint", "tile/0/000"); see tiled_log.hpp.
  virtual void log(const std::string& path, Callback<Bytes> done) = 0;
  /// For a witness that saw the log with `old_size` entries: the body of an add-checkpoint (witness.hpp); and the checkpoint of
  /// it back, with cosignatures. `conflict` if the log is smaller, or if another checkpoint is on offer by now.
  virtual void log_offer(std::uint64_t old_size, Callback<std::string> done) = 0;
  virtual void cosign(const std::string& checkpoint, Callback<std::string> done) = 0;

  // --- for operators

  /// A join token.
  virtual void invite(const Invitation& invitation, Callback<std::string> done) = 0;
  virtual void agents(Callback<std::vector<AgentSummary>> done) = 0;
  /// What the hub says of its configuration: for `assess_posture` (deployment.hpp). JSON.
  virtual void posture(Callback<std::string> done) = 0;
  /// An agent gets nothing new while it drains.
  virtual void drain(const AgentId& agent, bool draining, Callback<AgentSummary> done) = 0;
  /// One in quarantine is let in again, on probation, if replaying the shard where it was caught gave what it had returned
  /// (`conflict` if not).
  virtual void appeal(const AgentId& agent, const Appeal& appeal, Callback<AgentSummary> done) = 0;
  /// `kind` is agent, client, token, key or organization (for the hub's operator). In force when `done` is called, on
  /// connections that are there, too; how many leases ended. not_found; conflict for what is revoked already, and for keys in
  /// use.
  virtual void revoke(const std::string& kind, const std::string& id, const std::string& reason,
                      Callback<std::uint32_t> done) = 0;
  /// Makes the next key of a purpose, which takes over at once.
  virtual void rotate_key(KeyPurpose purpose, Callback<RotatedKey> done) = 0;
  /// A certificate revocation list (RFC 5280, PEM) by the organization's CA of this epoch, of agents and clients that were
  /// revoked or are in quarantine; 0: by the CA in use. not_found for a CA that is not, or no longer, there.
  virtual void revocation_list(std::uint32_t ca_epoch, Callback<std::string> done) = 0;
  /// For the hub's operator.
  virtual void organizations(Callback<std::vector<OrganizationSummary>> done) = 0;
};

FORGEPOOL_API Result<std::unique_ptr<Client>> connect_client(EventLoop& loop, Credentials credentials,
                                                             std::unique_ptr<Transport> transport, ClientOptions options);

}  // namespace forgepool
