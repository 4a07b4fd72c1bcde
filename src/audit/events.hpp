#pragma once
/// What the hub committed itself to in the ledger: each event's commitment is opened, proved and held against what it is about.
#include "audit/computation.hpp"
#include "audit/log_proofs.hpp"

#include <forgepool/scheduler.hpp>

#include <map>

namespace forgepool::audit {

/// A wrong answer for which an agent was put in quarantine.
struct CaughtWith {
  std::uint32_t shard = 0;
  Digest returned;
  Digest accepted;
};

struct QuarantineEvent {
  std::string where;
  std::uint64_t index = 0;           ///< In the ledger.
  std::optional<CaughtWith> answer;  ///< None: it was caught elsewhere, in another job or by an operator.
};

/// What an agent was attested to be when it was admitted to a job's data.
struct Admitted {
  std::string data_class;  ///< It is cleared for this one, the contract's; empty: unclassified.
  std::string region;      ///< Empty: none was attested.
  std::string tier;
};

/// Whom the hub took in under an id: from then on only this key speaks for it.
struct EnrolledAgent {
  std::uint64_t index = 0;  ///< In the ledger.
  Digest key_pin;
  SchedulerAgent attested;
};

/// Shards given to an agent, before it could begin.
struct LeaseEvent {
  AgentId agent;
  std::uint64_t index = 0;  ///< In the ledger.
  std::vector<std::uint32_t> shards;
  Admitted admitted;
};

struct Events {
  std::uint64_t plan_index = 0;  ///< In the ledger.
  std::uint64_t result_index = 0;
  std::string pseudonym;   ///< The job's name in receipts,
  Digest contract;         ///< and what they must say of the contract.
  Retention retention;     ///< What was decided for the job.
  std::string hub_region;  ///< Empty: it was not said.
  Digest result;
  bool results_deleted = false;               ///< By the hub, when their retention was over.
  std::map<AgentId, EnrolledAgent> enrolled;  ///< All that got a lease.
  std::map<AgentId, QuarantineEvent> quarantined;
  std::map<LeaseId, LeaseEvent> leases;
  std::map<std::string, Digest> artifacts;  ///< By name.
};

/// Checks that there are exactly one `contract`, `plan`, `residency` and `result` event, in this order, about this job and
/// computation; one `artifact` event after them for each name that the contract includes; any number of `lease` events after
/// them, one per lease, to agents that the contract admits; for each of these agents one `enrolment` event, before its first
/// lease, that attests what admitted it; any number of `quarantine` events, at most one per agent; and nothing else.
Result<Events> check_events(const wire::Bundle& bundle, const Computation& computation, LogProofs& log);

}  // namespace forgepool::audit
