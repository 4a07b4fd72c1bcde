#include <forgepool/backends/memory_ledger.hpp>

#include "ledger/batch.hpp"
#include "ledger/log_identity.hpp"
#include "ledger/proofs.hpp"

#include <forgepool/merkle.hpp>

#include <map>
#include <shared_mutex>

namespace forgepool {
namespace {

class MemoryLedger final : public Ledger {
 public:
  MemoryLedger(std::string origin, std::shared_ptr<Signer> key) : identity_(std::move(origin), std::move(key)) {}

  const std::string& origin() const override { return identity_.origin(); }
  const PublicKey& key() const override { return identity_.key(); }
  Status use_keys(std::shared_ptr<Signer> key, std::vector<std::shared_ptr<Signer>> earlier) override {
    return identity_.use_keys(std::move(key), std::move(earlier));
  }

  Result<LedgerHead> commit(const LedgerBatch& batch) override {
    if (const auto checked = check_batch(batch); !checked) return fail(checked.error());
    const std::unique_lock lock(mutex_);
    if (batch.leaves.size() > Tree::max_size - tree_.size()) return fail(ErrorKind::too_large, "the log is full");
    std::vector<FullTile> filled;
    for (const Bytes& leaf : batch.leaves) {
      tree_.append(forgepool::leaf_hash(leaf), filled);
      leaves_.push_back(leaf);
    }
    for (FullTile& full : filled) tiles_[full.id.level].push_back(std::move(full.tile));
    for (const StateWrite& write : batch.writes) {
      if (write.value)
        state_.insert_or_assign(write.key, *write.value);
      else
        state_.erase(write.key);
    }
    return tree_.head();
  }

  LedgerHead head() const override {
    const std::shared_lock lock(mutex_);
    return tree_.head();
  }

  Result<std::string> checkpoint() override { return identity_.checkpoint(head()); }

  Result<Bytes> leaf(std::uint64_t index) const override {
    const std::shared_lock lock(mutex_);
    if (index >= leaves_.size()) return no_such_leaf(index, leaves_.size());
    return leaves_[index];
  }

  Result<Bytes> hash_tile(unsigned level, std::uint64_t index, std::size_t width) const override {
    const std::shared_lock lock(mutex_);
    return tile_hashes(tree_, tile_reader_, {level, index}, width);
  }

  Result<MerklePath> prove_inclusion(std::uint64_t index, std::uint64_t size) const override {
    const std::shared_lock lock(mutex_);
    return Prover(tree_, tile_reader_).inclusion(index, size);
  }

  Result<MerklePath> prove_consistency(std::uint64_t old_size, std::uint64_t size) const override {
    const std::shared_lock lock(mutex_);
    return Prover(tree_, tile_reader_).consistency(old_size, size);
  }

  Result<std::optional<Bytes>> read(std::string_view key) const override {
    const std::shared_lock lock(mutex_);
    const auto found = state_.find(key);
    return found == state_.end() ? std::nullopt : std::optional(found->second);
  }

  Status scan(std::string_view prefix, const std::function<bool(std::string_view, ByteView)>& visit) const override {
    // Visits a snapshot, so that `visit` may use the ledger.
    std::vector<std::pair<std::string, Bytes>> found;
    {
      const std::shared_lock lock(mutex_);
      for (auto at = state_.lower_bound(prefix); at != state_.end() && at->first.starts_with(prefix); ++at)
        found.emplace_back(*at);
    }
    for (const auto& [key, value] : found)
      if (!visit(key, value)) break;
    return {};
  }

 private:
  LogIdentity identity_;

  mutable std::shared_mutex mutex_;
  // Guarded by mutex_.
  Tree tree_;
  std::vector<Bytes> leaves_;
  std::array<std::vector<TilePtr>, Tree::max_levels> tiles_;
  std::map<std::string, Bytes, std::less<>> state_;

  const TileReader tile_reader_ = [this](const TileId& id) -> Result<TilePtr> { return tiles_[id.level][id.index]; };
};

}  // namespace

Result<std::unique_ptr<Ledger>> make_memory_ledger(std::string origin, std::shared_ptr<Signer> key) {
  if (const auto checked = LogIdentity::check(origin, key.get()); !checked) return fail(checked.error());
  return std::make_unique<MemoryLedger>(std::move(origin), std::move(key));
}

}  // namespace forgepool
