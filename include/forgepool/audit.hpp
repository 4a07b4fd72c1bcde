#pragma once
/// Checking a job without trusting, or reaching, the hub. Pure functions of bytes; thread-safe.
#include <forgepool/contract.hpp>
#include <forgepool/digest.hpp>
#include <forgepool/ids.hpp>
#include <forgepool/sandbox.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace forgepool {

inline constexpr std::size_t max_bundle_bytes = 1u << 30;

/// One thing that was checked, in the order of checking: "receipt of lease …: signed by the agent's key".
struct AuditCheck {
  std::string name;
  std::string detail;
};

/// Finds something by digest; nothing if it is not at hand.
using ContentSource = std::function<std::optional<Bytes>(const Digest&)>;

/// What an auditor brings along, beside bundle and trusted root.
struct AuditAids {
  /// Accepted outputs of shards, for bundles that do not hold them: with all of them the result can be checked.
  ContentSource outputs{};
  /// Of the only adapter package that the auditor wants the job to have run.
  std::optional<Digest> adapter{};
};

/// What a bundle proves, once everything in it was checked.
struct AuditReport {
  JobId job;
  Digest contract;
  Digest plan;
  Digest adapter;
  Digest result;
  std::uint32_t shards = 0;
  std::uint32_t receipts = 0;
  std::vector<std::string> agents;    ///< SPIFFE ids of those whose results were accepted.
  std::vector<std::string> rejected;  ///< SPIFFE ids of those whose results lost.
  double error_bound = 0;  ///< P(wrong) of the shard that is least sure, against `adversary`; what agents earned in other jobs
  double expected_wrong = 0;  ///< is the hub's word. And the sum over all shards.
  Adversary adversary;
  std::uint64_t ledger_size = 0;
  std::vector<AuditCheck> checks;
  /// What the bundle says and neither it nor the aids allow to check, with what is missing and how to get it. While something
  /// stands here, nothing was refuted, and the job is not verified.
  std::vector<AuditCheck> unchecked;
  /// What was the hub's choice, because neither contract nor trusted root nor aids pinned it.
  std::vector<std::string> unpinned;

  bool complete() const { return unchecked.empty(); }
};

/// Checks every byte of a bundle against a trusted root. The first thing that does not hold is the error (`corrupt`, or
/// invalid_input for something that is no bundle or root at all), with where it is. Statements of large jobs are checked on as
/// many threads as the processor runs at once, which end before it returns; the error is the same as on one.
///
/// Look at `complete()` before relying on it. The message of what a dishonest hub or agent would try has, after where it is, a
/// stable code: "/outputs: result_not_reduced: …" (SECURITY.md lists them).
FORGEPOOL_API Result<AuditReport> verify_bundle(std::string_view bundle, std::string_view trusted_root,
                                                const AuditAids& aids = {});

/// The trusted root to go on with after a hub has changed keys: `newer` is its root.json by then, or a bundle that it made, and
/// is signed by the log key of `older`, the one that is trusted so far. What `older` says of adapters stays. unauthenticated if
/// that key did not sign it; invalid_input for what is no root, no bundle, or of another trust domain.
FORGEPOOL_API Result<std::string> continue_root(std::string_view older, std::string_view newer);

/// What a bundle proves, in files that sigstore's tools and those for C2SP logs verify (src/audit/FORMAT.md, "In others'
/// forms").
struct SigstoreExport {
  std::string trusted_root;  ///< Sigstore TrustedRoot: the log.
  std::string keys;      ///< JSON: by the hints in the bundles, the signers' keys, and the certificates that make them agents'.
  std::string receipts;  ///< JSON Lines, each a sigstore bundle v0.3 of one DSSE envelope in the log.
  std::string verdicts;  ///< The same.
  std::string events;    ///< JSON Lines, each an opened commitment with its leaf and C2SP tlog-proof.
};
/// Verifies first; errors are those of `verify_bundle`.
FORGEPOOL_API Result<SigstoreExport> export_to_sigstore(std::string_view bundle, std::string_view trusted_root);

/// An answer that lost, as the shard's verdict tells it.
struct LostAnswer {
  AgentId agent;
  Digest result;
  std::optional<std::uint64_t>
      diverges_at;  ///< Of adapters with step digests: the first step, from 0, that is not the accepted.
};

struct ReplayedShard {
  std::uint32_t index = 0;
  Digest accepted;       ///< The result digest that the hub accepted.
  SandboxReport report;  ///< Of the run here.
  Digest replayed;       ///< SHA-256 of the output here; zeros if the run did not end well.
  /// Of adapters with step digests: the first step, from 0, after which the output here differs from the accepted one. Nothing
  /// if they are equal, or if the bundle does not hold the accepted output (`artifacts.include` names shard_outputs).
  std::optional<std::uint64_t> diverges_at;
  std::vector<LostAnswer> lost;
  /// Whether the output here agrees with the accepted one as the adapter compares (FORMAT.md of src/adapter, "Comparing"): of
  /// most adapters, whether they are equal. Nothing if no output came of it here, or if they differ and the bundle does not
  /// hold the accepted one, which takes `shard_outputs` unless others differed from it, too.
  std::optional<bool> agrees;

  bool identical() const { return report.outcome.ok() && replayed == accepted; }
};

/// Finds an input (for jobs with inputs).
using InputSource = ContentSource;

/// Runs shards of a bundle's job again in `sandbox` and compares. Verify the bundle first: this only re-executes. No shards
/// named means all. not_found names a missing input or shard.
FORGEPOOL_API Result<std::vector<ReplayedShard>> replay_bundle(std::string_view bundle,
                                                               const std::vector<std::uint32_t>& shards, Sandbox& sandbox,
                                                               const InputSource& inputs);

/// What the outputs of a whole replay come to.
struct ReplayedResult {
  Digest accepted;  ///< The result's digest in the bundle.
  Digest replayed;  ///< SHA-256 of what the adapter reduces the replay to; zeros if it cannot.

  bool identical() const { return replayed == accepted; }
};

/// Reduces a replay of all shards of the bundle's job. invalid_input unless each was replayed once and ended well.
FORGEPOOL_API Result<ReplayedResult> reduce_replay(std::string_view bundle, const std::vector<ReplayedShard>& replayed);

/// `count` shards (or all, if there are fewer), ascending, drawn by SHA-256 over name, size and root of the log (as the first
/// three lines of the bundle's checkpoint have them), SHA-256(`nonce`) and the shard's number: who takes a nonce that the hub
/// could not foresee gets a sample that the hub could not foresee, and anybody can draw it again. invalid_input for what is no
/// bundle.
FORGEPOOL_API Result<std::vector<std::uint32_t>> sample_shards(std::string_view bundle, std::uint32_t count,
                                                               std::string_view nonce);

}  // namespace forgepool
