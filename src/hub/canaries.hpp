#pragma once
/// What canaries are made of: accepted shards of jobs that ended well, whose results are known. Whoever gets one sees the same
/// parameters and inputs, for they are what the known result is of, under ids that nobody has seen: another pseudonym, another
/// lease, as many shards at once as leases have.
///
/// Not taken: shards of which the accepted result is wrong with a probability of more than `canary_certainty`, for so often a
/// canary accuses an honest agent; shards that nobody confirmed; what is compared by more than digests, or depends on the
/// numeric class; jobs whose contract does not let their outputs persist.
#include "hub/job.hpp"

#include <deque>

namespace forgepool::hub {

/// Part of a job's plan, and what is known of each shard in it.
struct KnownShards {
  Plan plan;  ///< Its shards have the numbers that they had in their job, ascending.
  std::vector<KnownShard> known;

  friend bool operator==(const KnownShards&, const KnownShards&) = default;
};

inline constexpr double canary_certainty = 1e-6;

class Canaries {
 public:
  /// A shard of a running job was accepted.
  void accepted(const Job& job, const ShardVerdict& verdict);
  /// Its job, which still has what it has while it runs, ended well: what is kept of it (null: nothing), and the jobs that have
  /// to make room.
  std::pair<const KnownShards*, std::vector<JobId>> ended(const Job& job);
  /// Puts back what `ended` gave; oldest first.
  void restore(const JobId& job, KnownShards shards);
  /// The shard was given to one more agent. What is known of its job now; null if that is nothing.
  const KnownShards* gave(const JobId& job, std::uint32_t shard, const AgentId& agent);
  /// Who had it, as work or as a canary.
  std::vector<AgentId> holders(const JobId& job, std::uint32_t shard);
  /// There is, or will be, nothing left of the job.
  void forget(const JobId& job);

  /// A lease had so many shards.
  void granted(std::size_t shards);
  /// One more is due, of this adapter. How many to give out together, once as many are due as some lease had shards; else 0.
  std::uint32_t due(const Digest& adapter, const RandomSource& random);
  /// Some shards of one job that ended, of the asking one's adapter, that suit; nothing if there are none.
  struct Drawn {
    JobId source;
    KnownShards shards;
  };
  std::optional<Drawn> draw(const Job& asking, std::uint32_t most,
                            const std::function<bool(const JobId& source, const KnownShard&)>& suits,
                            const RandomSource& random) const;

 private:
  KnownShard* find(const JobId& job, std::uint32_t shard);

  std::map<JobId, KnownShards> sources_;
  std::deque<JobId> ended_;  // Oldest first.
  std::vector<std::uint32_t> lease_sizes_;
  std::size_t next_size_ = 0;
  std::map<Digest, std::pair<std::uint32_t, std::uint32_t>>
      due_;  // By adapter: how many are due; at how many they are given out.
};

// --- records: FORMAT.md ----------------------------------------------------------------------------------------------

/// Both are encrypted under the source's key: with that job goes what canaries were made of it.
std::string canary_key(const JobId& source, const JobId& canary);
/// The record of a canary that is over. Its place says which grants, receipts and events are left of it.
inline constexpr std::string_view over_canary = "{}";
std::string known_key(const JobId& job);
std::string write_known(const KnownShards& shards, Time ended_at);
Result<std::pair<KnownShards, Time>> read_known(std::string_view record);
std::string write_canary(const Job& canary);
/// Without contract, adapter, organization and key, which are those of the job that it is of.
Result<std::pair<Job, KnownShards>> read_canary(const JobId& source, const JobId& canary, std::string_view record);

}  // namespace forgepool::hub
