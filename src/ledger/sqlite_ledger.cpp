#include <forgepool/backends/sqlite_ledger.hpp>

#include "ledger/batch.hpp"
#include "ledger/file_lock.hpp"
#include "ledger/group_commit.hpp"
#include "ledger/log_identity.hpp"
#include "ledger/proofs.hpp"
#include "ledger/sqlite_reader.hpp"
#include "ledger/sqlite_writer.hpp"
#include "ledger/state_check.hpp"

#include <forgepool/merkle.hpp>

#include <filesystem>

namespace forgepool {
namespace {

/// A group of commits is one transaction.
class SqliteLedger final : public Ledger {
 public:
  SqliteLedger(SqliteLedgerOptions options, FileLock lock, std::unique_ptr<SqliteWriter> writer)
      : identity_(std::move(options.origin), std::move(options.key), std::move(options.earlier_keys)),
        lock_(std::move(lock)),
        writer_(std::move(writer)),
        readers_(std::move(options.path)) {}

  /// Reads the tree's edge and checks what was stored; before anything else is called.
  Status load() {
    if (auto checked = writer_->check_nothing_beyond_head(); !checked) return checked;
    const LedgerHead stored = writer_->log().head;
    auto reader = readers_.take();
    if (!reader) return fail(reader.error());
    const auto leaf_hash_of = [&](std::uint64_t index) {
      return (*reader)->leaf(index).map([](const Bytes& leaf) { return forgepool::leaf_hash(leaf); });
    };
    auto tree = Tree::restore(stored.size, leaf_hash_of, [&](const TileId& id) { return (*reader)->tile(id); });
    if (!tree) return fail(tree.error());
    if (tree->root() != stored.root)
      return fail(ErrorKind::corrupt, "the stored tree of " + std::to_string(stored.size) + " leaves has the root " +
                                          tree->root().hex() + ", but its head says " + stored.root.hex());
    tree_ = std::make_shared<const Tree>(std::move(*tree));
    return check_stored_state(readers_, writer_->log().state_rows, writer_->log().state_sum);
  }

  const std::string& origin() const override { return identity_.origin(); }
  const PublicKey& key() const override { return identity_.key(); }
  Status use_keys(std::shared_ptr<Signer> key, std::vector<std::shared_ptr<Signer>> earlier) override {
    return identity_.use_keys(std::move(key), std::move(earlier));
  }

  Result<LedgerHead> commit(const LedgerBatch& batch) override {
    if (const auto checked = check_batch(batch); !checked) return fail(checked.error());
    if (batch.empty()) return head();
    return commits_.commit(batch, [this](const std::vector<GroupCommit::Waiting*>& group) { commit_group(group); });
  }

  Status scrub() override {
    return commits_.alone([this] { return writer_->scrub(); });
  }

  LedgerHead head() const override { return tree()->head(); }
  Result<std::string> checkpoint() override { return identity_.checkpoint(head()); }

  Result<Bytes> leaf(std::uint64_t index) const override {
    const auto now = tree();
    if (index >= now->size()) return no_such_leaf(index, now->size());
    auto reader = readers_.take();
    if (!reader) return fail(reader.error());
    auto leaf = (*reader)->leaf(index);
    if (!leaf) return leaf;
    const TileReader tiles = reading_from(*reader);
    const auto expected = Prover(*now, tiles).leaf_hash(index);
    if (!expected) return fail(expected.error());
    if (forgepool::leaf_hash(*leaf) != *expected)
      return fail(ErrorKind::corrupt,
                  "leaf " + std::to_string(index) + " of the ledger file does not fit its hash in the tree");
    return leaf;
  }

  Result<Bytes> hash_tile(unsigned level, std::uint64_t index, std::size_t width) const override {
    const auto now = tree();
    auto reader = readers_.take();
    if (!reader) return fail(reader.error());
    return tile_hashes(*now, reading_from(*reader), {level, index}, width);
  }

  Result<MerklePath> prove_inclusion(std::uint64_t index, std::uint64_t size) const override {
    return prove([&](Prover& prover) { return prover.inclusion(index, size); });
  }
  Result<MerklePath> prove_consistency(std::uint64_t old_size, std::uint64_t size) const override {
    return prove([&](Prover& prover) { return prover.consistency(old_size, size); });
  }

  Result<std::optional<Bytes>> read(std::string_view key) const override {
    auto reader = readers_.take();
    if (!reader) return fail(reader.error());
    return (*reader)->value(key);
  }

  Status scan(std::string_view prefix, const std::function<bool(std::string_view, ByteView)>& visit) const override {
    auto reader = readers_.take();
    if (!reader) return fail(reader.error());
    return (*reader)->scan(prefix, visit);
  }

 private:
  void commit_group(const std::vector<GroupCommit::Waiting*>& group) {
    Tree next = *tree();
    std::vector<FullTile> filled;
    const auto batches = append_group(group, next, filled);
    writer_->use_key(identity_.key().spki);
    const auto written = writer_->commit(batches, filled, next.head());
    if (!written) {
      for (GroupCommit::Waiting* each : group) each->result = fail(written.error());
      return;
    }
    auto published = std::make_shared<const Tree>(std::move(next));
    const std::lock_guard lock(tree_mutex_);
    tree_ = std::move(published);
  }

  template <class Use>
  Result<MerklePath> prove(const Use& use) const {
    const auto now = tree();
    auto reader = readers_.take();
    if (!reader) return fail(reader.error());
    const TileReader tiles = reading_from(*reader);
    Prover prover(*now, tiles);
    return use(prover);
  }

  static TileReader reading_from(SqliteReaders::Lease& reader) {
    return [&reader](const TileId& id) { return reader->tile(id); };
  }

  std::shared_ptr<const Tree> tree() const {
    const std::lock_guard lock(tree_mutex_);
    return tree_;
  }

  LogIdentity identity_;
  const FileLock lock_;  // Before the connections: held until they are closed.

  GroupCommit commits_;

  const std::unique_ptr<SqliteWriter> writer_;  // Only within commit_group.
  mutable SqliteReaders readers_;               // After the writer: the last connection to close tidies the write-ahead log.

  mutable std::mutex tree_mutex_;
  std::shared_ptr<const Tree> tree_;  // Guarded by tree_mutex_; as of the last durable commit.
};

}  // namespace

Result<std::unique_ptr<Ledger>> open_sqlite_ledger(SqliteLedgerOptions options) {
  if (const auto checked = LogIdentity::check(options.origin, options.key.get()); !checked) return fail(checked.error());
  for (const auto& earlier : options.earlier_keys)
    if (const auto checked = LogIdentity::check(options.origin, earlier.get()); !checked) return fail(checked.error());
  if (options.path.empty()) return fail(ErrorKind::invalid_input, "a ledger needs the path of its file");
  // The same file under two names must meet the same lock.
  std::error_code error;
  options.path = std::filesystem::weakly_canonical(options.path, error).string();
  if (error) return fail(ErrorKind::invalid_input, "cannot resolve the ledger's path: " + error.message());
  auto lock = FileLock::take(options.path + ".lock");
  if (!lock) return fail(lock.error());
  const bool exists = std::filesystem::exists(options.path, error);
  if (error) return fail(ErrorKind::internal, "cannot look for " + options.path + ": " + error.message());
  if (!exists) {
    if (const auto created = create_ledger_file(options.path, options.origin, options.key->public_key()); !created)
      return fail(created.error());
  }
  std::vector<PublicKey> keys{options.key->public_key()};
  for (const auto& earlier : options.earlier_keys) keys.push_back(earlier->public_key());
  auto writer = SqliteWriter::open(options.path, options.origin, keys);
  if (!writer) return fail(writer.error());
  auto ledger = std::make_unique<SqliteLedger>(std::move(options), std::move(*lock), std::move(*writer));
  if (const auto loaded = ledger->load(); !loaded) return fail(loaded.error());
  return ledger;
}

}  // namespace forgepool
