#pragma once
/// The one connection that changes a ledger's SQLite file. One thread at a time.
#include "ledger/sqlite_file.hpp"

#include <span>

namespace forgepool {

class SqliteWriter {
 public:
  /// Opens an existing file, and checks that its head's origin is this and its key one of these (`invalid_input`).
  static Result<std::unique_ptr<SqliteWriter>> open(const std::string& path, std::string_view origin,
                                                    std::span<const PublicKey> keys);

  /// For a ledger that keeps its leaves elsewhere: they are left out here, and it is left to somebody else to make commits
  /// durable, which survive the process at once, but the machine only when the file system was synced.
  Status only_state();

  /// The key that the head names from the next commit on.
  void use_key(const Bytes& spki) { next_key_ = spki; }

  /// As of the last commit.
  const LogRow& log() const { return log_; }
  /// `corrupt` if the file holds leaves or tiles that the head does not know of, or large values that are no key's.
  Status check_nothing_beyond_head();

  /// Writes the batches' leaves from index log().head.size on, the tiles they fill, their state and the new head: all or
  /// nothing, durable when it returns. After a failure of the disk (`internal`) nobody knows what a later crash would leave, so
  /// that every further commit fails until the file is opened anew.
  ///
  /// `before_commit`, if given, is called with what the head will be, when nothing but making it durable can fail any more; its
  /// failure takes everything back.
  Status commit(std::span<const LedgerBatch* const> batches, const std::vector<FullTile>& filled, const LedgerHead& head,
                const std::function<Status(const LogRow&)>& before_commit = {});

  /// Leaves nothing of what was deleted or overwritten in the file and its write-ahead log. `unavailable` while a reader holds
  /// on to an old state.
  Status scrub();

 private:
  explicit SqliteWriter(sqlite::Database database) : database_(std::move(database)) {}

  Status prepare();
  Status write(std::span<const LedgerBatch* const> batches, const std::vector<FullTile>& filled, LogRow& log);
  Status write_state(const StateWrite& write, LogRow& log);
  /// Puts `value` among the large ones, in the place of `old` if there is one; none: only removes that.
  Result<std::optional<std::int64_t>> write_large(std::optional<ByteView> value, std::optional<std::int64_t> old);
  Status write_log(const LogRow& log);

  sqlite::Database database_;
  std::optional<sqlite::Statement> insert_leaf_, insert_tile_, stored_, put_, put_place_, remove_, insert_large_, update_large_,
      remove_large_, update_log_, begin_, commit_;
  LogRow log_;
  Bytes next_key_;
  bool keeps_leaves_ = true;
  bool broken_ = false;
};

}  // namespace forgepool
