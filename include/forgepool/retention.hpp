#pragma once
/// How long what a job leaves on the hub is kept. A contract asks (`policy.retention`); what it does not say is the hub's, its
/// project's or its data class's to say, and they also say how much may be asked for. What is deleted is destroyed, its keys
/// first, and each deletion is an entry of the ledger.
#include <forgepool/result.hpp>

#include <cstdint>
#include <map>
#include <optional>

namespace forgepool {

/// So many milliseconds that nothing is ever deleted: 2^53 - 1, the largest integer of a contract.
inline constexpr std::uint64_t keep_for_ever_ms = 9'007'199'254'740'991;

/// All counted from the end of the job, however it ended, in milliseconds.
struct Retention {
  std::uint64_t inputs_ms = 0;                  ///< What was uploaded for it and no other job needs. 0: until it ends.
  std::uint64_t results_ms = keep_for_ever_ms;  ///< The result and the shards' outputs; bundles that need them end with them.
  std::uint64_t evidence_ms =
      keep_for_ever_ms;  ///< Contract, receipts, verdicts, openings of commitments: then the job is erased.

  friend bool operator==(const Retention&, const Retention&) = default;
};

/// What a contract asks for.
struct RetentionRequest {
  std::optional<std::uint64_t> inputs_ms, results_ms, evidence_ms;
};

/// What applies where a contract asks for nothing, and the most that it may ask for.
struct RetentionRule {
  Retention standard;
  Retention most{keep_for_ever_ms, keep_for_ever_ms, keep_for_ever_ms};
};

struct RetentionRules {
  RetentionRule hub;
  std::map<std::string, RetentionRule, std::less<>> projects;  ///< By owner: a client's name, or "<project>/".
  std::map<std::string, Retention, std::less<>> data_classes;  ///< The most for data of a class.
};

/// What holds for a contract of this owner and data class. invalid_input, with the contract's JSON pointer, for more than may
/// be asked for. Nothing is kept longer than the evidence: what outlives it by the standard is cut.
FORGEPOOL_API Result<Retention> resolve_retention(const RetentionRules& rules, std::string_view owner,
                                                  std::string_view data_class, const RetentionRequest& request);

}  // namespace forgepool
