#pragma once
/// Receipts: what an agent states, under its signature, about its attempts at the shards of one lease. An in-toto statement
/// with the SLSA provenance predicate (https://slsa.dev/provenance/v1):
///
///     subject                 the output of each shard that has one, named "shard-<index>"
///     buildDefinition
///       externalParameters    job (pseudonym), contract (a commitment to it), lease, attempt, adapter, and per shard its index
///       and the digest of its parameters internalParameters    sandbox name, level and determinism achieved, numeric class,
///       limits, relaxations; per shard outcome (of a failed setup also the step) and usage; salt resolvedDependencies
///       "adapter", and each input as "shard-<index>/<name>"
///     runDetails              builder.id is the agent's SPIFFE id, metadata.invocationId the lease, with the agent's own times
///
/// The salt makes the digest of a receipt say nothing about what is in it.
#include <forgepool/ids.hpp>
#include <forgepool/sandbox.hpp>

#include <optional>
#include <string>
#include <vector>

namespace forgepool::identity {

inline constexpr std::size_t max_receipt_shards = 256;
inline constexpr std::size_t receipt_salt_bytes = 32;

struct ReceiptInput {
  std::string name;  ///< As the program saw it below /in.
  Digest digest;

  friend bool operator==(const ReceiptInput&, const ReceiptInput&) = default;
};

struct ReceiptShard {
  std::uint32_t index = 0;
  Digest params;  ///< SHA-256 of the parameters' bytes.
  std::vector<ReceiptInput> inputs;
  SandboxOutcome outcome;  ///< Of its detail, the first 512 bytes, with anything but printable ASCII replaced.
  SandboxUsage usage;
  std::optional<Digest> output;  ///< If, and only if, the outcome is ok.

  friend bool operator==(const ReceiptShard& a, const ReceiptShard& b);
};

/// What the shard is compared by: the digest of its output, or of how it ended. Nothing if it never ran.
std::optional<Digest> answer_of(const ReceiptShard& shard);

struct Receipt {
  std::string agent;  ///< SPIFFE id.
  std::string job;    ///< The pseudonym that the lease came with; an id.
  Digest contract;    ///< The commitment that the lease came with: see `commit_to_contract`.
  LeaseId lease;
  std::uint32_t attempt = 1;  ///< 1 … 1,000,000.
  Digest adapter;
  std::string sandbox;                          ///< Sandbox::name().
  SandboxLevel level = SandboxLevel::none;      ///< The weakest of the runs.
  Determinism determinism = Determinism::none;  ///< Likewise.
  std::uint32_t world = 0;                      ///< Of class strict: which world the programs saw. 0 otherwise.
  std::string numeric_class;                    ///< An id, or empty: the agent has not measured it.
  SandboxLimits limits;
  std::vector<SandboxRelaxation> relaxations;
  std::vector<ReceiptShard> shards;  ///< By ascending index.
  Bytes salt;                        ///< receipt_salt_bytes random bytes.
  Time started_at{};                 ///< By the agent's clock, whole seconds.
  Time finished_at{};

  friend bool operator==(const Receipt&, const Receipt&) = default;
};

/// What an agent signs of the contract that it works for: SHA-256(salt ‖ {"contract": digest, "job": id}), RFC 8785. It learns
/// nothing by it, and no receipt can be shown for another contract or job: the hub opens it to auditors.
Digest commit_to_contract(ByteView salt, const Digest& contract, const JobId& job);

/// RFC 8785 JSON, to be signed as the payload of an envelope (dsse.hpp) of in_toto_payload_type. invalid_input for a receipt
/// that `parse_receipt` would refuse.
Result<std::string> write_receipt(const Receipt& receipt);

/// Reads exactly what `write_receipt` writes; invalid_input, with the JSON pointer, for any deviation. Whether it is true, and
/// whose signature it bears, is for the caller to find out first.
Result<Receipt> parse_receipt(std::string_view statement);

}  // namespace forgepool::identity
