#pragma once
/// The folder of a log that anybody may read: its tiles, entry bundles and checkpoint, as C2SP tlog-tiles lays them out, so
/// that any static web server can serve it. Reading is for any thread; writing for one at a time.
#include "ledger/tree.hpp"

#include <list>
#include <mutex>
#include <unordered_map>

namespace forgepool {

class TileFiles {
 public:
  explicit TileFiles(std::string root) : root_(std::move(root)) {}

  const std::string& root() const { return root_; }

  /// Writes a resource whole, in place of any there. Durable after `sync`.
  Status write(const std::string& path, ByteView content);
  /// Removes a folder of partial tiles, if it is there.
  Status remove_folder(const std::string& path);
  /// Makes everything written so far durable.
  Status sync();
  /// Like `write`, and durable.
  Status write_durably(const std::string& path, ByteView content);

  /// not_found if there is none.
  Result<Bytes> read(const std::string& path) const;
  /// A full tile; `corrupt` if it is missing or has another size. Those last used are kept in memory.
  Result<TilePtr> tile(const TileId& id) const;
  /// For a tile that was just written.
  void remember(const TileId& id, TilePtr tile) const;
  /// Reads the full tiles above the leaves' of a log of that size, the last and highest first, as many as are kept. One that
  /// cannot be read ends it: whoever needs that tile will hear of it.
  void remember_upper(std::uint64_t leaves) const;

 private:
  static Result<TilePtr> read_tile(const std::string& path);

  const std::string root_;
  std::string last_folder_;  // Known to exist.

  /// Those last used, up to a number.
  class Cache {
   public:
    explicit Cache(std::size_t capacity) : capacity_(capacity) {}

    /// Null if it is not there.
    TilePtr find(const TileId& id);
    void add(const TileId& id, TilePtr tile);

   private:
    using Recent = std::list<std::pair<TileId, TilePtr>>;
    struct HashId {
      std::size_t operator()(const TileId& id) const { return id.index * 8 + id.level; }
    };

    std::size_t capacity_;
    Recent recent_;  // Last used first.
    std::unordered_map<TileId, Recent::iterator, HashId> places_;
  };
  Cache& cache_of(const TileId& id) const { return id.level == 0 ? leaf_tiles_ : upper_tiles_; }

  // 16 KiB each. The upper tiles of a log of 1.3 * 10^8 leaves all fit, and proofs of leaves all over it do not drive them out.
  static constexpr std::size_t max_leaf_tiles = 1'024, max_upper_tiles = 2'048;

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  mutable Cache leaf_tiles_{max_leaf_tiles};
  mutable Cache upper_tiles_{max_upper_tiles};
};

}  // namespace forgepool
