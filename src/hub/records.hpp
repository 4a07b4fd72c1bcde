#pragma once
/// The hub's durable state: keys and values in the ledger's state. FORMAT.md lists them. Values are RFC 8785 JSON, or bytes;
/// those of a job are encrypted under its key (content_key.hpp). What is read back is checked: `corrupt`, naming the key, if it
/// is not what was written.
#include "hub/job.hpp"

#include <forgepool/ledger.hpp>
#include <forgepool/scheduler.hpp>
#include <forgepool/verifier.hpp>

#include <variant>

namespace forgepool::hub {

// --- keys ------------------------------------------------------------------------------------------------------------

std::string job_key(const JobId& job);
std::string result_key(const JobId& job);
std::string event_key(const JobId& job, std::uint32_t number);
std::string grant_key(const JobId& job, const LeaseId& lease);
std::string receipt_key(const JobId& job, const LeaseId& lease);
std::string inputs_key(const JobId& job);
std::string reported_key(const JobId& job, const LeaseId& lease);
std::string verdict_key(const JobId& job, std::uint32_t shard);
/// Not by the output's digest, which says what it is to whoever guesses.
std::string output_key(const JobId& job, const ContentKey& key, const Digest& digest);
std::string lease_key(const LeaseId& lease);
std::string agent_key(const AgentId& agent);
/// What the ledger says of an agent: when it enrolled, and of its last renewal.
std::string enrolment_key(const AgentId& agent);
std::string renewal_key(const AgentId& agent);
std::string quarantine_key(const AgentId& agent);
std::string invitation_key(const Digest& secret_hash);
std::string adapter_key(const Digest& package);
/// A job's content key, wrapped.
std::string content_key_key(const JobId& job);
/// Inputs go by a keyed hash of their digest (`ContentKey::name_of`).
std::string input_key(const Digest& name);
std::string input_secret_key(const Digest& name);
std::string input_owner_key(const Digest& name, std::string_view owner);
/// An erased job, by a hash of its id.
std::string erased_key(const JobId& job);
/// The key that names of inputs are made with, wrapped. There from the first start on.
inline constexpr std::string_view input_names_key = "input_names";
/// There while something was deleted whose remains may still be on the disk.
inline constexpr std::string_view disposal_key = "disposal";
/// The prefixes of all records of a job that there may be any number of, each followed by its id and a slash.
inline constexpr std::string_view job_prefixes[] = {"event/", "grant/", "receipt/", "verdict/", "output/", "reported/"};
/// `id` may be anything: it stands hashed in the key.
std::string revocation_key(std::string_view kind, std::string_view id);
std::string certificate_key(ByteView serial);
std::string key_event_key(std::string_view key_id);
std::string journal_key(std::uint64_t number);

// --- values ----------------------------------------------------------------------------------------------------------

/// Of `Verifier::terms`.
inline constexpr std::size_t max_terms_bytes = 1024;

/// A job's record: everything of `Job` but what is derived from the contract and the adapter.
std::string write_job(const Job& job);
/// Fills a job from its record. The adapter package is given by the digest in it (`job_adapter`).
Result<Digest> job_adapter(std::string_view record);
Result<Job> read_job(const JobId& id, std::string_view record);

/// What stays of an erased job: that it was there, for those who know its id and may ask.
struct ErasedRecord {
  Time at{};
  Digest owner;         ///< `owner_hash`.
  std::string content;  ///< Of the event `erasure`, which names nobody.
  Bytes salt;
  std::uint64_t index = 0;
};
Digest owner_hash(const JobId& job, std::string_view owner);
std::string write_erased(const ErasedRecord& erased);
Result<ErasedRecord> read_erased(std::string_view record);

/// Which inputs a job needs: their digests, one after the other.
Bytes write_inputs(const std::vector<Digest>& inputs);
Result<std::vector<Digest>> read_inputs(ByteView record);

/// When an owner last uploaded an input.
std::string write_claim(Time uploaded_at);
Result<Time> read_claim(std::string_view record);

/// The calls made to the verifier, in order. Repeating them brings it back after a restart.
struct JobBegan {
  JobId job;
};
struct AnsweredShard {
  std::uint32_t shard = 0;
  Digest result{};
  std::string failure{};  ///< Of an answer that says that the shard fails: how, for people. Empty: it does not.
};
struct AnswersCame {
  JobId job;
  LeaseId lease;
  AgentId agent;
  std::vector<AnsweredShard> shards;
};
struct AgentDiscredited {
  AgentId agent;
  std::uint32_t refuted = 0;
};
struct AgentQuarantined {
  AgentId agent;
};
struct AgentPardoned {
  AgentId agent;
};
/// Stands for all entries of a job that ended.
struct CreditEarned {
  std::vector<AgentCredit> agents;
};
using JournalEntry = std::variant<JobBegan, AnswersCame, AgentQuarantined, AgentPardoned, AgentDiscredited, CreditEarned>;
/// The job of an entry that is about one; its record is encrypted like that job's.
const JobId* job_of(const JournalEntry& entry);
std::string write_sealed_entry(const JobId& job, ByteView sealed);
struct SealedEntry {
  JobId job;
  Bytes sealed;
};
/// Nothing if the record stands in the open.
Result<std::optional<SealedEntry>> read_sealed_entry(std::string_view record);
std::string write_journal_entry(const JournalEntry& entry);
Result<JournalEntry> read_journal_entry(std::string_view record);

std::string write_lease(const Lease& lease);
Result<Lease> read_lease(const LeaseId& id, std::string_view record);

/// An enrolled agent.
struct AgentRecord {
  SchedulerAgent agent;  ///< As attested by its join token; `draining` since.
  Digest key_pin;
  Time enrolled_at{};
  Time certificate_expires_at{};
  std::uint64_t answers = 0;
  std::string quarantined{};         ///< Why; empty: not.
  std::optional<JobId> caught_in{};  ///< The job that knows more about that, if it was caught in one.
  Time quarantined_at{};             ///< Meaningful if it is.
  bool revoked = false;              ///< In quarantine because somebody said so.
};
std::string write_agent(const AgentRecord& agent);
Result<AgentRecord> read_agent(const AgentId& id, std::string_view record);

/// A join token, by the hash of its secret.
struct InvitationRecord {
  std::string role;      ///< "agent" or "client"
  SchedulerAgent agent;  ///< What the agents that enrol with it are attested to be.
  std::string project;   ///< Of the clients.
  Time expires_at{};
  std::uint32_t uses_left = 0;
};
std::string write_invitation(const InvitationRecord& invitation);
Result<InvitationRecord> read_invitation(std::string_view record);

/// Somebody or something that is no longer to be believed.
struct RevocationRecord {
  std::string kind;  ///< agent, client, token, key, organization
  std::string id;
  std::string reason;
  Time at{};
  Bytes salt;                ///< Of the leaf's commitment.
  std::uint64_t index = 0;   ///< Of the leaf.
  std::string client_key{};  ///< Of a client: the SHA-256 (hex) of its key; empty if it was not known.
  /// The key (SHA-256, hex) that is not enrolled again. Empty of others than clients and operators: agents' are in their
  /// records.
  const std::string& key_pin() const { return kind == "operator" ? id : client_key; }
  /// What the leaf is a commitment to: RFC 8785 JSON of kind, id, reason and time.
  std::string content() const;
};
std::string write_revocation(const RevocationRecord& revocation);
Result<RevocationRecord> read_revocation(std::string_view record);

/// A certificate of an agent or client, kept as long as revocation lists may have to name it.
struct CertificateRecord {
  Bytes serial;
  std::string name;      ///< The SPIFFE id's path: "agent/<id>", "client/<name>", "client/<project>/<name>".
  std::uint32_t ca = 1;  ///< Epoch of the CA that issued it.
  Time expires_at{};
  Digest key_pin{};
};
std::string write_certificate_record(const CertificateRecord& certificate);
Result<CertificateRecord> read_certificate_record(std::string_view serial, std::string_view record);

/// The number of the last revocation list.
std::string write_list_number(std::uint64_t number);
Result<std::uint64_t> read_list_number(std::string_view record);

/// A fact committed to the ledger, kept to be shown to auditors.
struct EventRecord {
  std::string kind;
  Bytes salt;
  std::string content;
  std::uint64_t index = 0;
};
std::string write_event(const EventRecord& event);
Result<EventRecord> read_event(std::string_view record);

/// A signed statement in the ledger.
struct StatementRecord {
  std::string envelope;
  std::vector<Bytes> chain;
  std::uint64_t index = 0;
};
std::string write_statement(const StatementRecord& statement);
Result<StatementRecord> read_statement(std::string_view record);

std::string write_reported(const Reported& reported);
Result<Reported> read_reported(std::string_view record);

/// Opens a record of the job; `corrupt` if it is not one.
Result<std::string> open_record(const ContentKey& key, std::string_view place, ByteView sealed);
/// As `scan_records`, for records that are encrypted under the key.
Status scan_sealed(const Ledger& ledger, std::string_view prefix, const ContentKey& key,
                   const std::function<Status(std::string_view rest_of_key, std::string_view record)>& visit);

/// As in Ledger::scan, for values that are text.
Status scan_records(const Ledger& ledger, std::string_view prefix,
                    const std::function<Status(std::string_view rest_of_key, std::string_view record)>& visit);

}  // namespace forgepool::hub
