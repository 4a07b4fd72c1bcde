#pragma once
/// Verdicts: what the hub states, under its signature, about one shard. An in-toto statement with the SLSA verification summary
/// predicate (https://slsa.dev/verification_summary/v1):
///
///     subject             the accepted output, named "shard-<index>"; of a shard that fails, the digest that says how
///                         (wire/failure.hpp); of an undecided one, each different output, or failure, that came
///     verifier.id         the hub's SPIFFE id
///     resourceUri         "urn:forgepool:shard:<job>/<index>"
///     policy              the contract, by digest
///     verificationResult  PASSED for accepted, FAILED otherwise
///     verifiedLevels      "FORGEPOOL_AGREED_BY_<n>" with the number of answers that agree with the accepted one;
///                         "FORGEPOOL_FAILURE_AGREED_BY_<n>" of a shard that fails; or none
///
/// and, as extension fields, forgepool_rule, forgepool_evidence, forgepool_salt, and forgepool_bound: the adversary
/// (`fraction`, `collusion`) against whom the result is wrong with a probability of at most `error`, as
/// forgepool/credibility.hpp has it. Each piece of evidence says whether it `agrees`, what was known of its agent (`checks`
/// passed, `probation`), and, if it lost and its adapter says its steps, the first that `diverges`.
#include <forgepool/ids.hpp>
#include <forgepool/time.hpp>
#include <forgepool/verifier.hpp>

#include <string>
#include <vector>

namespace forgepool::identity {

inline constexpr std::size_t verdict_salt_bytes = 32;

struct Verdict {
  std::string verifier;  ///< SPIFFE id of the hub.
  Time verified_at{};    ///< Whole seconds.
  Digest contract;
  Adversary adversary;  ///< The contract's.
  ShardVerdict shard;   ///< At least one piece of evidence, all for this shard; at most 64. The result is zeros if undecided.
  Bytes salt;           ///< verdict_salt_bytes random bytes.
};

/// RFC 8785 JSON, to be signed as the payload of an envelope (dsse.hpp) of in_toto_payload_type. invalid_input for a verdict
/// that `parse_verdict` would refuse.
Result<std::string> write_verdict(const Verdict& verdict);

/// Reads exactly what `write_verdict` writes; invalid_input, with the JSON pointer, for any deviation.
Result<Verdict> parse_verdict(std::string_view statement);

}  // namespace forgepool::identity
