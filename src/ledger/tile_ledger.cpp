#include <forgepool/backends/tile_ledger.hpp>

#include "ledger/file_io.hpp"
#include "ledger/file_lock.hpp"
#include "ledger/group_commit.hpp"
#include "ledger/journal.hpp"
#include "ledger/log_identity.hpp"
#include "ledger/proofs.hpp"
#include "ledger/sqlite_reader.hpp"
#include "ledger/sqlite_writer.hpp"
#include "ledger/state_check.hpp"
#include "ledger/tile_files.hpp"

#include <forgepool/merkle.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <utility>

#include <sys/stat.h>

namespace forgepool {
namespace {

std::string journal_path(const std::string& folder) {
  return folder + "/journal";
}
std::string state_path(const std::string& folder) {
  return folder + "/state.db";
}
std::string public_path(const std::string& folder) {
  return folder + "/public";
}

/// A whole state of the log, as of a durable commit.
struct View {
  Tree tree;
  Bytes edge_entries;  ///< The entry bundle that is not full yet.
  Digest root{};       ///< Of the tree, once it is durable.

  std::size_t edge_width() const { return static_cast<std::size_t>(tree.size() % Tile::width); }
};

class TileLedger final : public Ledger {
 public:
  TileLedger(TileLedgerOptions options, FileLock lock)
      : options_(std::move(options)),
        identity_(options_.origin, options_.key, options_.earlier_keys),
        lock_(std::move(lock)),
        files_(public_path(options_.path)),
        readers_(state_path(options_.path)) {}

  ~TileLedger() override {
    // A short journal makes the next start fast, and nothing that was deleted stays in it.
    if (journal_ && journal_->records() > 0 && !broken_) (void)fold();
  }

  /// Reads and checks everything that the next commit builds on; before anything else is called.
  Status load() {
    for (const auto& earlier : options_.earlier_keys) keys_.push_back(earlier->public_key());
    auto writer = SqliteWriter::open(state_path(options_.path), identity_.origin(), keys_);
    if (!writer) return fail(writer.error());
    writer_ = std::move(*writer);
    if (auto relaxed = writer_->only_state(); !relaxed) return relaxed;
    if (auto read = read_published(); !read) return read;
    View view;
    JournalPoint last;
    auto journal = Journal::open(
        journal_path(options_.path), [&](const Journal::Base& base) { return begin_at(base, view, last); },
        [&](const JournalRecord& record) { return replay(record, view, last); });
    if (!journal) return fail(journal.error());
    journal_ = std::move(*journal);
    if (auto checked = check_stored_state(readers_, last.state_rows, last.state_sum); !checked) return checked;
    if (writer_->log().state_rows != last.state_rows || writer_->log().state_sum != last.state_sum)
      return fail(ErrorKind::corrupt, state_path(options_.path) + " is not the state that the journal leads to");
    last_ = last;
    view.root = view.tree.root();
    view_ = std::make_shared<const View>(std::move(view));
    if (auto checked = check_published(*view_); !checked) return checked;
    files_.remember_upper(view_->tree.size());
    if (writer_->log().key != identity_.key().spki) taking_over_ = true;
    if (!verify_checkpoint(published_note_, {identity_.origin(), identity_.key()}))
      if (auto renewed = sign_published(); !renewed) return renewed;
    return journal_->torn() || taking_over_ ? fold() : Status{};
  }

  const std::string& origin() const override { return identity_.origin(); }
  const PublicKey& key() const override { return identity_.key(); }

  Status use_keys(std::shared_ptr<Signer> key, std::vector<std::shared_ptr<Signer>> earlier) override {
    const std::lock_guard lock(publish_mutex_);
    if (auto used = identity_.use_keys(std::move(key), std::move(earlier)); !used) return used;
    taking_over_ = true;  // The journal names the key: it is started anew with the next commit.
    return sign_published();
  }

  Result<LedgerHead> commit(const LedgerBatch& batch) override {
    if (const auto checked = check_batch(batch); !checked) return fail(checked.error());
    if (batch.empty()) return head();
    return commits_.commit(batch, [this](const std::vector<GroupCommit::Waiting*>& group) { commit_group(group); });
  }

  Status scrub() override {
    return commits_.alone([this]() -> Status {
      if (broken_)
        return fail(ErrorKind::internal, "the ledger's disk failed earlier: open the ledger anew when the disk is well");
      if (auto folded = fold(); !folded) {
        broken_ = true;
        return folded;
      }
      return writer_->scrub();
    });
  }

  LedgerHead head() const override {
    const auto now = view();
    return {now->tree.size(), now->root};
  }

  /// Signs nothing before all that the checkpoint is about can be read by others, and forgets nothing that it has signed.
  Result<std::string> checkpoint() override {
    const std::lock_guard lock(publish_mutex_);
    const auto now = view();
    if (!published_note_.empty() && published_head_.size == now->tree.size()) return published_note_;
    if (const auto written = publish(*now); !written) return fail(written.error());
    auto note = identity_.checkpoint(now->tree.head());
    if (!note) return note;
    if (const auto written = files_.write_durably("checkpoint", as_bytes(*note)); !written) return fail(written.error());
    published_note_ = *note;
    published_head_ = now->tree.head();
    return note;
  }

  Result<Bytes> leaf(std::uint64_t index) const override {
    auto found = leaves(index, 1);
    if (!found) return fail(found.error());
    return std::move(found->front());
  }

  Result<std::vector<Bytes>> leaves(std::uint64_t first, std::size_t count) const override {
    const auto now = view();
    if (count > now->tree.size() || first > now->tree.size() - count) return no_such_leaf(first, now->tree.size());
    std::vector<Bytes> found;
    found.reserve(count);
    while (found.size() < count) {
      const std::uint64_t at = first + found.size(), bundle = at / Tile::width;
      const std::size_t from = at % Tile::width, to = std::min<std::size_t>(Tile::width, from + count - found.size());
      if (const auto taken = take_leaves(*now, bundle, from, to, found); !taken) return fail(taken.error());
    }
    return found;
  }

  Result<Bytes> hash_tile(unsigned level, std::uint64_t index, std::size_t width) const override {
    const auto now = view();
    return tile_hashes(now->tree, tile_reader_, {level, index}, width);
  }

  Result<MerklePath> prove_inclusion(std::uint64_t index, std::uint64_t size) const override {
    const auto now = view();
    return Prover(now->tree, tile_reader_, &now->root).inclusion(index, size);
  }
  Result<MerklePath> prove_consistency(std::uint64_t old_size, std::uint64_t size) const override {
    const auto now = view();
    return Prover(now->tree, tile_reader_, &now->root).consistency(old_size, size);
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
  // --- loading

  Status begin_at(const Journal::Base& base, View& view, JournalPoint& last) {
    if (base.origin != identity_.origin())
      return fail(ErrorKind::invalid_input,
                  options_.path + " is the ledger of origin \"" + base.origin + "\", not of \"" + identity_.origin() + "\"");
    if (std::ranges::find(keys_, base.key, &PublicKey::spki) == keys_.end())
      return fail(ErrorKind::invalid_input, options_.path + " is signed with the key of pin " + sha256(base.key).hex() +
                                                ", not with that of pin " + identity_.key().pin().hex() +
                                                ": open it with the key that it was last used with");
    taking_over_ = base.key != identity_.key().spki;
    const std::uint64_t full = base.point.head.size - base.edge.size();
    auto tree = Tree::restore(
        base.point.head.size,
        [&](std::uint64_t index) -> Result<Digest> { return leaf_hash(base.edge[static_cast<std::size_t>(index - full)]); },
        tile_reader_);
    if (!tree) return fail(tree.error());
    if (tree->root() != base.point.head.root)
      return fail(ErrorKind::corrupt, "the stored tree of " + std::to_string(tree->size()) + " leaves has the root " +
                                          tree->root().hex() + ", but its journal says " + base.point.head.root.hex());
    view.tree = std::move(*tree);
    for (const ByteView leaf : base.edge) append_entry(view.edge_entries, leaf);
    last = base.point;
    return {};
  }

  Status replay(const JournalRecord& record, View& view, JournalPoint& last) {
    LedgerBatch batch;
    batch.leaves.reserve(record.leaves.size());
    for (const ByteView leaf : record.leaves) batch.leaves.emplace_back(leaf.begin(), leaf.end());
    for (const auto& [key, value] : record.writes)
      batch.writes.push_back({std::string(key), value ? std::optional(Bytes(value->begin(), value->end())) : std::nullopt});
    std::vector<FullTile> filled;
    for (const Bytes& leaf : batch.leaves) view.tree.append(leaf_hash(leaf), filled);
    if (view.tree.head().size != record.after.head.size || view.tree.root() != record.after.head.root)
      return fail(ErrorKind::corrupt, "the journal's leaves do not lead to the tree that it says they do");
    const LedgerBatch* only = &batch;
    if (!batch.writes.empty())
      if (auto written = writer_->commit({&only, 1}, {}, record.after.head); !written) return written;
    last = record.after;
    return add_leaves(view, {&only, 1}, filled, true);
  }

  Status read_published() {
    const auto note = files_.read("checkpoint");
    if (!note) return note.error().kind == ErrorKind::not_found ? Status{} : fail(note.error());
    Result<LedgerHead> head = fail(ErrorKind::corrupt, "");
    for (auto key = keys_.begin(); key != keys_.end() && !head; ++key)
      head = verify_checkpoint(as_text(*note), {identity_.origin(), *key});
    if (!head) return fail(ErrorKind::corrupt, files_.root() + "/checkpoint: " + head.error().message);
    published_note_ = to_text(*note);
    published_head_ = *head;
    return {};
  }

  /// What is published is signed by the key in use, too, also of the same tree: earlier ones may be revoked before anything
  /// else is published, and then nobody could check this.
  Status sign_published() {
    if (std::exchange(published_note_, {}).empty()) return {};
    auto note = identity_.checkpoint(published_head_);
    if (!note) return fail(note.error());
    if (const auto written = files_.write_durably("checkpoint", as_bytes(*note)); !written) return written;
    published_note_ = std::move(*note);
    return {};
  }

  /// The log must continue the one that was signed, and hold nothing that it does not know of.
  Status check_published(const View& view) {
    if (published_head_.size > view.tree.size())
      return fail(ErrorKind::corrupt, "a checkpoint of " + std::to_string(published_head_.size) +
                                          " leaves was published, but the ledger holds only " +
                                          std::to_string(view.tree.size()) + ": it was cut off or replaced by an older one");
    if (!published_note_.empty()) {
      const auto root = Prover(view.tree, tile_reader_).root(published_head_.size);
      if (!root) return fail(root.error());
      if (*root != published_head_.root)
        return fail(ErrorKind::corrupt, "the ledger contradicts the checkpoint of " + std::to_string(published_head_.size) +
                                            " leaves that it has published");
    }
    for (unsigned level = 0; level < Tree::max_levels; ++level) {
      const unsigned span = Tile::height * (level + 1);
      const TileId next{level, span < 64 ? view.tree.size() >> span : 0};
      if (std::error_code error; std::filesystem::exists(files_.root() + "/" + tile_path(next), error))
        return fail(ErrorKind::corrupt, files_.root() + "/" + tile_path(next) + " is beyond the ledger's head of " +
                                            std::to_string(view.tree.size()) +
                                            " leaves: the journal was cut off or replaced by an older one");
    }
    return {};
  }

  // --- committing

  void commit_group(const std::vector<GroupCommit::Waiting*>& group) {
    View next = *view();
    std::vector<FullTile> filled;
    const auto batches = append_group(group, next.tree, filled);
    auto written = write_group(batches, next, filled);
    if (!written) {
      broken_ = true;
      for (GroupCommit::Waiting* each : group) each->result = fail(written.error());
      return;
    }
    {
      next.root = next.tree.root();
      auto published = std::make_shared<const View>(std::move(next));
      const std::lock_guard lock(view_mutex_);
      view_ = std::move(published);
    }
    // What was committed stays committed if this fails: the next one will hear of it.
    if ((journal_->size() > options_.journal_bytes || taking_over_) && !fold()) broken_ = true;
  }

  Status write_group(const std::vector<const LedgerBatch*>& batches, View& next, const std::vector<FullTile>& filled) {
    if (broken_)
      return fail(ErrorKind::internal, "the ledger's disk failed earlier: open the ledger anew when the disk is well");
    JournalPoint after = last_;
    after.head = next.tree.head();
    const auto append = [&](const LogRow& log) {
      after.state_rows = log.state_rows;
      after.state_sum = log.state_sum;
      return journal_->append(after, batches);
    };
    const bool state = std::ranges::any_of(batches, [](const LedgerBatch* batch) { return !batch->writes.empty(); });
    const auto written = state ? writer_->commit(batches, {}, after.head, append) : journal_->append(after, batches);
    if (!written) return written;
    last_ = after;
    return add_leaves(next, batches, filled, false);
  }

  /// Moves the edge on over the batches' leaves, and writes what that fills. `again`: after a crash, when some of it may be
  /// there already, and what was published must be.
  Status add_leaves(View& view, std::span<const LedgerBatch* const> batches, const std::vector<FullTile>& filled, bool again) {
    std::uint64_t index = view.tree.size();
    for (const LedgerBatch* batch : batches) index -= batch->leaves.size();
    for (const LedgerBatch* batch : batches) {
      for (const Bytes& leaf : batch->leaves) {
        append_entry(view.edge_entries, leaf);
        if (++index % Tile::width != 0) continue;
        if (auto put = put_full(entries_path(index / Tile::width - 1), view.edge_entries, index, again); !put) return put;
        view.edge_entries.clear();
      }
    }
    for (const FullTile& full : filled) {
      const std::uint64_t end = (full.id.index + 1) << (Tile::height * (full.id.level + 1));
      if (auto put = put_full(tile_path(full.id), full.tile->hashes(), end, again); !put) return put;
      files_.remember(full.id, full.tile);
      unfolded_.push_back(full.id);
    }
    return {};
  }

  Status put_full(const std::string& path, ByteView content, std::uint64_t end, bool again) {
    if (again && end <= published_head_.size) {
      const auto there = files_.read(path);
      if (!there || !std::ranges::equal(*there, content))
        return fail(ErrorKind::corrupt, files_.root() + "/" + path + " was published, and is not what was published any more");
      return {};
    }
    return files_.write(path, content);
  }

  /// Starts the journal anew from here.
  Status fold() {
    const std::lock_guard lock(publish_mutex_);
    writer_->use_key(identity_.key().spki);
    if (taking_over_)
      if (auto named = writer_->commit({}, {}, last_.head); !named) return named;
    if (auto synced = files_.sync(); !synced) return synced;  // The state's file is on the same file system.
    const auto now = view();
    auto edge = parse_entries(now->edge_entries, now->edge_width());
    if (!edge) return fail(edge.error());
    auto journal =
        Journal::create(journal_path(options_.path), {identity_.origin(), identity_.key().spki, last_, std::move(*edge)});
    if (!journal) return fail(journal.error());
    journal_ = std::move(*journal);
    taking_over_ = false;
    for (const TileId& id : std::exchange(unfolded_, {})) {
      if (auto removed = files_.remove_folder(tile_path(id) + ".p"); !removed) return removed;
      if (id.level == 0)
        if (auto removed = files_.remove_folder(entries_path(id.index) + ".p"); !removed) return removed;
    }
    return {};
  }

  // --- reading

  /// The partial tiles of a tree; its full ones are there already.
  Status publish(const View& view) {
    for (unsigned level = 0; level < Tree::max_levels; ++level) {
      const unsigned span = Tile::height * (level + 1);
      const TileId id{level, span < 64 ? view.tree.size() >> span : 0};
      const Tile* edge = view.tree.edge(id);
      if (edge == nullptr || edge->size() == 0) continue;
      if (auto written = files_.write(tile_path(id, edge->size()), edge->hashes()); !written) return written;
    }
    if (view.edge_width() != 0)
      if (auto written = files_.write(entries_path(view.tree.size() / Tile::width, view.edge_width()), view.edge_entries);
          !written)
        return written;
    return files_.sync();
  }

  /// Adds the leaves [from, to) of a bundle, each held against its hash in the tree.
  Status take_leaves(const View& view, std::uint64_t bundle, std::size_t from, std::size_t to,
                     std::vector<Bytes>& found) const {
    const bool edge = bundle == view.tree.size() / Tile::width;
    Bytes stored;
    if (!edge) {
      auto read = files_.read(entries_path(bundle));
      if (!read) return fail(ErrorKind::corrupt, read.error().message);
      stored = std::move(*read);
    }
    const auto entries = edge ? parse_entries(view.edge_entries, view.edge_width()) : parse_entries(stored, Tile::width);
    if (!entries)
      return fail(entries.error().kind, files_.root() + "/" + entries_path(bundle) + ": " + entries.error().message);
    Prover prover(view.tree, tile_reader_);
    for (std::size_t i = from; i < to; ++i) {
      const std::uint64_t index = bundle * Tile::width + i;
      const auto expected = prover.leaf_hash(index);
      if (!expected) return fail(expected.error());
      if (forgepool::leaf_hash((*entries)[i]) != *expected)
        return fail(ErrorKind::corrupt, "leaf " + std::to_string(index) + " does not fit its hash in the tree");
      found.emplace_back((*entries)[i].begin(), (*entries)[i].end());
    }
    return {};
  }

  std::shared_ptr<const View> view() const {
    const std::lock_guard lock(view_mutex_);
    return view_;
  }

  // Constant after construction.
  const TileLedgerOptions options_;
  LogIdentity identity_;
  const FileLock lock_;  // Before the files: held until they are closed.

  TileFiles files_;
  mutable SqliteReaders readers_;
  const TileReader tile_reader_ = [this](const TileId& id) { return files_.tile(id); };

  GroupCommit commits_;
  // Only within commit_group, and while loading and closing.
  std::unique_ptr<SqliteWriter> writer_;
  std::unique_ptr<Journal> journal_;
  JournalPoint last_;
  std::vector<TileId> unfolded_;  // Filled since the journal began.
  bool broken_ = false;

  std::mutex publish_mutex_;
  // Guarded by publish_mutex_.
  std::string published_note_;  // Empty: none yet.
  LedgerHead published_head_;

  std::vector<PublicKey> keys_{options_.key->public_key()};  ///< That what is in the folder may be signed with.
  std::atomic<bool> taking_over_ = false;                    ///< The journal names an earlier key.

  mutable std::mutex view_mutex_;
  std::shared_ptr<const View> view_;  // Guarded by view_mutex_.
};

/// Made under another name, so that a folder at `path` is never half made.
Status create_folder(const std::string& path, const std::string& origin, const PublicKey& key) {
  const std::string unfinished = path + ".new";
  std::error_code error;
  std::filesystem::remove_all(unfinished, error);
  for (const std::string& folder : {unfinished, public_path(unfinished)})
    if (::mkdir(folder.c_str(), 0755) != 0)
      return fail(ErrorKind::invalid_input,
                  "cannot make the folder " + folder + ": " + std::strerror(errno) + "; what it is in must exist");
  if (auto created = create_ledger_file(state_path(unfinished), origin, key); !created) return created;
  const Journal::Base base{origin, key.spki, {{0, merkle_root({})}, 0, 0}, {}};
  if (const auto created = Journal::create(journal_path(unfinished), base); !created) return fail(created.error());
  if (auto synced = file_io::sync_path(unfinished); !synced) return synced;
  if (::rename(unfinished.c_str(), path.c_str()) != 0) return file_io::failed("move into place", unfinished);
  return file_io::sync_path(file_io::folder_of(path));
}

Status check_folder(const std::string& path) {
  for (const std::string& needed : {journal_path(path), state_path(path), public_path(path)}) {
    if (std::error_code error; !std::filesystem::exists(needed, error))
      return fail(ErrorKind::corrupt, path + " is no whole tile ledger: " + needed +
                                          " is missing. Restore it, or move the folder away to start anew");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Ledger>> open_tile_ledger(TileLedgerOptions options) {
  if (const auto checked = LogIdentity::check(options.origin, options.key.get()); !checked) return fail(checked.error());
  for (const auto& earlier : options.earlier_keys)
    if (const auto checked = LogIdentity::check(options.origin, earlier.get()); !checked) return fail(checked.error());
  if (options.path.empty()) return fail(ErrorKind::invalid_input, "a ledger needs the path of its folder");
  // The same folder under two names must meet the same lock.
  std::error_code error;
  options.path = std::filesystem::weakly_canonical(options.path, error).string();
  if (error) return fail(ErrorKind::invalid_input, "cannot resolve the ledger's path: " + error.message());
  auto lock = FileLock::take(options.path + ".lock");
  if (!lock) return fail(lock.error());
  const bool exists = std::filesystem::exists(options.path, error);
  if (error) return fail(ErrorKind::internal, "cannot look for " + options.path + ": " + error.message());
  const auto there =
      exists ? check_folder(options.path) : create_folder(options.path, options.origin, options.key->public_key());
  if (!there) return fail(there.error());
  auto ledger = std::make_unique<TileLedger>(std::move(options), std::move(*lock));
  if (const auto loaded = ledger->load(); !loaded) return fail(loaded.error());
  return ledger;
}

}  // namespace forgepool
