#pragma once
/// Ledger: one organization's append-only log, and the durable state that its owner changes together with it.
///
/// The log is an RFC 6962 Merkle tree. Its checkpoints are C2SP tlog-checkpoints (signed notes, Ed25519), so anybody's tools
/// can check them. `commit` appends leaves and changes keys in one transaction: after a crash both are there or neither.
/// Implementations: SQLite (backends/sqlite_ledger.hpp), files in the tlog-tiles layout (backends/tile_ledger.hpp), in memory
/// (backends/memory_ledger.hpp), and any of yours.
///
/// Threads: safe for use from several threads. `commit` blocks until the data is durable; call it from a pool thread.
#include <forgepool/digest.hpp>
#include <forgepool/keys.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace forgepool {

/// A C2SP entry bundle caps a leaf: log digests, not payloads.
inline constexpr std::size_t max_leaf_bytes = 65'535;

/// Changes the value of a key; no value deletes it.
struct StateWrite {
  std::string key;
  std::optional<Bytes> value;
};

struct LedgerBatch {
  std::vector<Bytes> leaves;
  std::vector<StateWrite> writes;  ///< Applied in order.

  bool empty() const { return leaves.empty() && writes.empty(); }
};

struct LedgerHead {
  std::uint64_t size = 0;  ///< Leaves.
  Digest root;             ///< RFC 6962 root; of the empty tree the digest of nothing.
};

/// Siblings from the leaf up, as in RFC 6962 section 2.1.1 and C2SP tlog-proof.
using MerklePath = std::vector<Digest>;

class Ledger {
 public:
  virtual ~Ledger() = default;

  /// The checkpoint's first line: names the log.
  virtual const std::string& origin() const = 0;
  /// Verifies this log's checkpoints: the key in use. Borrowed for the life of the ledger.
  virtual const PublicKey& key() const = 0;
  /// From now on checkpoints are signed by `key`, and by the `earlier` ones, too, for those who know only them. invalid_input
  /// for keys that are not Ed25519, `unsupported` by ledgers that have one key for ever; then nothing changes.
  virtual Status use_keys([[maybe_unused]] std::shared_ptr<Signer> key,
                          [[maybe_unused]] std::vector<std::shared_ptr<Signer>> earlier) {
    return fail(ErrorKind::unsupported, "this ledger has one key for ever");
  }

  /// Appends and changes all of `batch` or nothing; durable when it returns. Leaves get the indices head.size - n … head.size
  /// - 1. `too_large` for a leaf over max_leaf_bytes; `internal` for a full or broken disk: then the caller must stop
  /// acknowledging.
  virtual Result<LedgerHead> commit(const LedgerBatch& batch) = 0;

  /// What commits before it deleted or overwrote in the state is no longer in any file of the ledger when this returns; what
  /// the file system and the disk do with blocks that were given back to them is theirs. Blocks, for as long as it takes to
  /// write the state anew. `unavailable` while a reader holds on to an old state: call it again. Ledgers that keep nothing of
  /// what was deleted have nothing to do.
  virtual Status scrub() { return {}; }

  virtual LedgerHead head() const = 0;
  /// A signed note over the head at some moment not before the last commit.
  virtual Result<std::string> checkpoint() = 0;
  virtual Result<Bytes> leaf(std::uint64_t index) const = 0;
  /// The leaves [first, first + count); not_found unless all of them are there. An entry bundle of C2SP tlog-tiles is 256.
  virtual Result<std::vector<Bytes>> leaves(std::uint64_t first, std::size_t count) const {
    std::vector<Bytes> found;
    for (std::size_t i = 0; i < count; ++i) {
      auto next = leaf(first + i);
      if (!next) return fail(next.error());
      found.push_back(std::move(*next));
    }
    return found;
  }
  /// A hash tile of C2SP tlog-tiles: the first `width` (1 … 256) of the nodes from 256·`index` on at height 8·`level` of the
  /// tree, 32 bytes each. not_found if the tree does not have all of them.
  virtual Result<Bytes> hash_tile(unsigned level, std::uint64_t index, std::size_t width) const = 0;
  /// Proves leaf `index` in the tree of the first `size` leaves; invalid_input unless index < size ≤ head().size.
  virtual Result<MerklePath> prove_inclusion(std::uint64_t index, std::uint64_t size) const = 0;
  /// Proves that the tree of `old_size` is a prefix of that of `size`; invalid_input unless 0 < old_size ≤ size ≤ head().size.
  virtual Result<MerklePath> prove_consistency(std::uint64_t old_size, std::uint64_t size) const = 0;

  virtual Result<std::optional<Bytes>> read(std::string_view key) const = 0;
  /// Calls `visit` for each key that starts with `prefix`, in byte order, until it returns false.
  virtual Status scan(std::string_view prefix,
                      const std::function<bool(std::string_view key, ByteView value)>& visit) const = 0;
};

}  // namespace forgepool
