#pragma once
/// What an audit found, as facts, and the documents that say so: a page for people, the same as JSON, and OSCAL 1.1.3. Pure
/// functions; thread-safe. All that stands in a document was verified against the trusted root, or is marked as somebody's
/// word.
#include <forgepool/audit.hpp>
#include <forgepool/ledger.hpp>
#include <forgepool/time.hpp>

#include <map>

namespace forgepool {

struct RecordedEvent {
  std::uint64_t entry = 0;  ///< Its number in the ledger.
  std::string kind;
  std::string content;  ///< RFC 8785 JSON; src/audit/FORMAT.md, "Leaves".
};

/// What let an agent work on a shard, as the hub committed itself to it before the agent was told; empty what it did not say.
struct Admission {
  std::string region, tier, data_class;
};

/// An agent's receipt. Times, level, class and usage are its own word.
struct RecordedReceipt {
  std::uint64_t entry = 0;
  std::string agent;  ///< SPIFFE id.
  std::string lease;
  std::uint64_t lease_entry = 0;  ///< Of the lease's grant.
  Admission admitted;
  std::string sandbox, level, determinism, numeric_class;
  std::uint32_t shards = 0, ended_well = 0;
  std::uint64_t cpu_ms = 0;  ///< Of all shards.
  Time started_at{}, finished_at{};
};

struct RecordedVerdict {
  std::uint64_t entry = 0;
  std::uint32_t shard = 0;
  Digest accepted;
  std::string rule;
  std::uint32_t answers = 0, agree = 0;
  double error_bound = 0;
  Time verified_at{};  ///< By the hub's clock.
};

/// What the hub decided on where the job's data may be.
struct Residency {
  std::vector<std::string> regions;  ///< That the contract allows; empty: anywhere.
  std::string target, data_class;    ///< Tier and clearance that it asks for; "any" and empty: none.
  std::string hub_region, profile;   ///< Where the hub keeps it and under which deployment profile, if the ledger says so.
};

/// One job whose bundle verified.
struct JobRecord {
  AuditReport report;
  std::string operation;  ///< "mc@1 insurance.v1"
  ContractPolicy policy;
  Residency residency;
  std::vector<RecordedEvent> events;                 ///< By entry; leases are with their receipts, too.
  std::vector<RecordedReceipt> receipts;             ///< By entry.
  std::vector<RecordedVerdict> verdicts;             ///< By shard.
  std::map<std::string, std::uint32_t> quarantined;  ///< Agents (ids) that were caught in this job, with the shard.
  std::string log_origin;
  LedgerHead head;
  std::string checkpoint;  ///< The signed note.

  FORGEPOOL_API Time began() const;  ///< The earliest of the receipts' times; the epoch if there are none.
  FORGEPOOL_API Time ended() const;  ///< The latest of the receipts' and verdicts'.
};

/// Verifies a bundle and tells what is in it. Errors are those of `verify_bundle`.
FORGEPOOL_API Result<JobRecord> record_job(std::string_view bundle, std::string_view trusted_root, const AuditAids& aids = {});

/// What was found out about the log as a whole, beside the bundles.
struct LogRecord {
  std::string origin;
  LedgerHead head;
  std::uint64_t earlier_checkpoints = 0;  ///< Kept by the auditor; the log continues all of them,
  std::uint64_t bundle_checkpoints = 0;   ///< and these.
  bool witness_quorum = false;            ///< The checkpoint has the cosignatures that a policy asks for.
};

/// The subject of a report.
struct AuditScope {
  std::string title;  ///< For people: "job job-…", "2026-11-01 to 2026-11-30".
  Time made_at{};
  std::string trust_domain;
  std::vector<JobRecord> jobs;
  std::optional<LogRecord> log;  ///< Nothing: only the bundles were looked at.
};

/// RFC 8785 JSON and a newline: everything in the scope.
FORGEPOOL_API std::string write_audit_report_json(const AuditScope& scope);
/// One HTML page that needs nothing else: no script, no other files. Long lists are cut, and say so.
FORGEPOOL_API std::string write_audit_report_html(const AuditScope& scope);

/// OSCAL 1.1.3: what libforgepool does for which controls of NIST SP 800-53 revision 5, with the identifiers of SOC 2, ISO/IEC
/// 27001, the HIPAA security rule and PCI DSS that ask for the like. No claim that anybody is certified for anything.
FORGEPOOL_API std::string write_oscal_component_definition(Time made_at);
/// OSCAL 1.1.3 assessment results: what of this the scope's evidence shows.
FORGEPOOL_API std::string write_oscal_assessment_results(const AuditScope& scope);

}  // namespace forgepool
