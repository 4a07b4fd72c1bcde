#pragma once
/// A contract says what a client wants computed and how sure it wants to be: canonical JSON, identified by its digest.
///
///     {"ctx": {"job_id": "…", "trace_id": "…"},
///      "op": {"name": "mc", "version": "1", "profile": "insurance.v1", "digest": "sha256:…"},
///      "args": {…what the adapter's profile takes…},
///      "seed": {"mode": "explicit", "value": 42},
///      "policy": {"target": "any", "min_agents": 1, "max_agents": 64, "timeout_ms": 600000, "verify": "full", "replicas": 2},
///      "artifacts": {"persist": true, "include": ["result"]}}
///
/// Required are `op` and `args`; the rest has the defaults below. Unknown and duplicate keys are refused.
#include <forgepool/digest.hpp>
#include <forgepool/ids.hpp>
#include <forgepool/retention.hpp>
#include <forgepool/sandbox.hpp>

#include <optional>
#include <string>
#include <vector>

namespace forgepool {

inline constexpr std::size_t max_contract_bytes = 1u << 20;

struct ContractOp {
  std::string name;     ///< Adapter: "mc".
  std::string version;  ///< Adapter version: "1".
  std::string profile;  ///< One of the adapter's profiles: "insurance.v1".
  /// Of the adapter package, if no other will do. Without it the hub chooses which package goes by that name and version.
  std::optional<Digest> digest;
};

/// How a result is made trustworthy.
enum class VerifyMode {
  none,       ///< Every shard runs once.
  spotcheck,  ///< Every shard runs once, a random part of them again elsewhere.
  full,       ///< Every shard runs `replicas` times on different agents; all must agree, or more are asked.
  quorum,     ///< Every shard runs until `replicas` agents agree.
  adaptive,   ///< As often as it takes for `max_error` against `adversary`: often while agents are new, later little more than
              ///< once.
};
FORGEPOOL_API std::string_view to_string(VerifyMode mode);

/// Against whom a result is to be right; credibility.hpp says what follows from it.
struct Adversary {
  double fraction = 0.2;   ///< The part of the agents that cheats. 0.001 … 0.45.
  bool collusion = false;  ///< They know who has which shard, and lie only where that is safe.

  friend bool operator==(const Adversary&, const Adversary&) = default;
};

struct ContractPolicy {
  std::string target = "any";            ///< Trust tier that agents must have: private, enterprise or public; any: no matter.
  std::uint32_t min_agents = 1;          ///< No shard is leased before this many agents are there. 1 … 100,000.
  std::uint32_t max_agents = 100'000;    ///< At most this many agents work on the job at once.
  std::uint64_t timeout_ms = 3'600'000;  ///< The job fails when it is not done by then. 1,000 … 30 days.
  VerifyMode verify = VerifyMode::full;
  std::uint32_t replicas = 2;  ///< 1 … 16; for full and quorum.
  double spotcheck_ratio =
      0.1;                  ///< 0 … 1; the part of the shards that is compared, whoever answered; for spotcheck and adaptive.
  double max_error = 1e-3;  ///< For adaptive: no result is accepted that is wrong with a higher probability. 1e-12 … 0.5.
  Adversary adversary;      ///< For adaptive what `max_error` is about; for the others what the bounds in verdicts are about.
  std::vector<std::string> regions;          ///< Agents must be in one of these; empty: anywhere.
  std::string data_class;                    ///< Agents and adapter must be cleared for it; empty: unclassified.
  std::uint32_t priority = 5;                ///< 0 … 9; higher goes first among the jobs of one project. Waiting raises it.
  std::optional<std::uint64_t> deadline_ms;  ///< When the job should be done, from its acceptance; 1 … timeout_ms. Of equal
                                             ///< priorities the earliest goes first; a job that misses it goes on.
  std::string numeric_class;                 ///< Agents must be of this class; empty: of any.
  bool homogeneous = false;                  ///< All replicas of one shard go to agents of one numeric class.
  SandboxLevel sandbox_level = SandboxLevel::none;  ///< Shards must run at this level of isolation, or a better one.
  std::vector<std::string> spread;  ///< Replicas of one shard go to agents that differ in these: operator, network, region.
  RetentionRequest retention;       ///< How long what the job leaves is kept on the hub, after its end; see retention.hpp.
  bool speculative = true;          ///< A straggling shard may be executed once more than `verify` asks for.
};

struct ContractArtifacts {
  bool persist = true;               ///< Keep the shard outputs after the result was computed.
  std::vector<std::string> include;  ///< Put into the bundle besides the evidence: "result", "shard_outputs".
};

struct Contract {
  std::optional<JobId> job_id;  ///< Chosen by the client: submitting the same contract under it again is the same job.
  std::string trace_id;
  ContractOp op;
  std::string args;                 ///< RFC 8785 JSON of an object.
  std::optional<std::string> seed;  ///< Explicit: RFC 8785 JSON of the value (integer or string). Absent: derived.
  ContractPolicy policy;
  ContractArtifacts artifacts;

  std::string canonical;  ///< RFC 8785 form of the whole contract as submitted.
  Digest digest;          ///< SHA-256 of `canonical`.
  Digest seed_digest;     ///< The digest without `op.digest`: to pin the program does not change the numbers that it draws.
};

/// Parses and checks a contract as submitted. Errors are invalid_input or too_large, and start with the JSON pointer of the
/// offending value ("/policy/replicas: expected an integer from 1 to 16, got 0").
FORGEPOOL_API Result<Contract> parse_contract(std::string_view json);

}  // namespace forgepool
