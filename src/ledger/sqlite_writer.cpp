#include "ledger/sqlite_writer.hpp"

#include <algorithm>

namespace forgepool {
namespace {

/// Key and value of a row of `state`: more would overflow its page of 4,096 bytes.
constexpr std::size_t max_row_bytes = 900;

/// 256 MiB: a second or two, in which nothing is committed.
constexpr std::int64_t max_vacuumed_pages = 65'536;

}  // namespace

Result<std::unique_ptr<SqliteWriter>> SqliteWriter::open(const std::string& path, std::string_view origin,
                                                         std::span<const PublicKey> keys) {
  auto database = open_ledger_file(path);
  if (!database) return fail(database.error());
  auto log = read_log_row(*database);
  if (!log) return fail(log.error());
  if (log->origin != origin)
    return fail(ErrorKind::invalid_input,
                path + " is the ledger of origin \"" + log->origin + "\", not of \"" + std::string(origin) + "\"");
  if (std::ranges::find(keys, log->key, &PublicKey::spki) == keys.end())
    return fail(ErrorKind::invalid_input, path + " is signed with the key of pin " + sha256(log->key).hex() +
                                              ", not with that of pin " + keys.front().pin().hex() +
                                              ": open it with the key that it was last used with");
  std::unique_ptr<SqliteWriter> writer(new SqliteWriter(std::move(*database)));
  writer->log_ = std::move(*log);
  writer->next_key_ = writer->log_.key;
  if (const auto prepared = writer->prepare(); !prepared) return fail(prepared.error());
  return writer;
}

Status SqliteWriter::prepare() {
  const auto add = [this](std::optional<sqlite::Statement>& statement, std::string_view sql) -> Status {
    auto prepared = database_.prepare(sql);
    if (!prepared) return fail(prepared.error());
    statement.emplace(std::move(*prepared));
    return {};
  };
  return add(insert_leaf_, "INSERT INTO leaves VALUES (?1, ?2)")
      .and_then([&] { return add(insert_tile_, "INSERT INTO tiles VALUES (?1, ?2, ?3)"); })
      .and_then([&] { return add(stored_, "SELECT checksum, large FROM state WHERE key = ?1"); })
      .and_then([&] { return add(put_, "INSERT OR REPLACE INTO state VALUES (?1, ?2, NULL, ?3)"); })
      .and_then([&] { return add(put_place_, "INSERT OR REPLACE INTO state VALUES (?1, NULL, ?2, ?3)"); })
      .and_then([&] { return add(remove_, "DELETE FROM state WHERE key = ?1"); })
      .and_then([&] { return add(insert_large_, "INSERT INTO large_values (value) VALUES (?1) RETURNING id"); })
      .and_then([&] { return add(update_large_, "UPDATE large_values SET value = ?1 WHERE id = ?2"); })
      .and_then([&] { return add(remove_large_, "DELETE FROM large_values WHERE id = ?1"); })
      .and_then([&] {
        return add(update_log_, "UPDATE log SET size = ?1, root = ?2, state_rows = ?3, state_sum = ?4, key = ?5 WHERE id = 0");
      })
      .and_then([&] { return add(begin_, "BEGIN IMMEDIATE"); })
      .and_then([&] { return add(commit_, "COMMIT"); });
}

Status SqliteWriter::only_state() {
  keeps_leaves_ = false;
  return database_.exec("PRAGMA synchronous = NORMAL");
}

Status SqliteWriter::check_nothing_beyond_head() {
  const auto check = [this](const std::string& rows) -> Status {
    const auto found = database_.query_integer("SELECT EXISTS (SELECT 1 FROM " + rows + ")");
    if (!found) return fail(found.error());
    if (*found != 0)
      return fail(ErrorKind::corrupt, "the ledger file holds rows that its head does not know of (" + rows + ")");
    return {};
  };
  const std::uint64_t size = log_.head.size;
  Status checked = check("leaves WHERE id >= " + std::to_string(size));
  for (unsigned level = 0; checked && level < Tree::max_levels; ++level) {
    const unsigned span = Tile::height * (level + 1);  // log2 of the leaves under a full tile.
    const std::uint64_t full = span < 64 ? size >> span : 0;
    checked = check("tiles WHERE id >= " + std::to_string(tile_key({level, full})) + " AND id < " +
                    std::to_string(tile_key({level + 1, 0})));
  }
  if (checked) checked = check("large_values WHERE id NOT IN (SELECT large FROM state WHERE large IS NOT NULL)");
  return checked;
}

Status SqliteWriter::commit(std::span<const LedgerBatch* const> batches, const std::vector<FullTile>& filled,
                            const LedgerHead& head, const std::function<Status(const LogRow&)>& before_commit) {
  if (broken_) return fail(ErrorKind::internal, "the ledger's disk failed earlier: open the ledger anew when the disk is well");
  if (auto begun = begin_->run(); !begun) return begun;
  LogRow log = log_;
  log.head = head;
  log.key = next_key_;
  auto written = write(batches, filled, log);
  if (written && before_commit) written = before_commit(log);
  if (!written) {
    broken_ = !database_.exec("ROLLBACK");
    return written;
  }
  if (const auto committed = commit_->run(); !committed) {
    // The data may have reached the disk or not, and after a failed fsync the kernel will not tell.
    broken_ = true;
    (void)database_.exec("ROLLBACK");
    return fail(ErrorKind::internal, "the ledger could not be made durable: " + committed.error().message +
                                         "; open it anew when the disk is well, which also shows whether this batch was kept");
  }
  log_ = std::move(log);
  return {};
}

Status SqliteWriter::scrub() {
  // `secure_delete` zeroes what is deleted. But cells that moved to another page before leave copies in the free space of the
  // old one, which only writing the file anew takes away.
  const auto pages = database_.query_integer("PRAGMA page_count");
  if (!pages) return fail(pages.error());
  if (*pages <= max_vacuumed_pages)
    if (const auto vacuumed = database_.exec("VACUUM"); !vacuumed) return vacuumed;
  const auto busy = database_.query_integer("PRAGMA wal_checkpoint(TRUNCATE)");
  if (!busy) return fail(busy.error());
  if (*busy != 0)
    return fail(ErrorKind::unavailable,
                "somebody reads an old state of the ledger, which stays in its write-ahead log until then; try again");
  return {};
}

Status SqliteWriter::write(std::span<const LedgerBatch* const> batches, const std::vector<FullTile>& filled, LogRow& log) {
  std::uint64_t index = log_.head.size;
  for (const LedgerBatch* batch : batches) {
    for (const Bytes& leaf : keeps_leaves_ ? std::span(batch->leaves) : std::span<const Bytes>())
      if (auto done = insert_leaf_->bind(1, static_cast<std::int64_t>(index++)).bind(2, leaf).run(); !done) return done;
    for (const StateWrite& state : batch->writes)
      if (auto done = write_state(state, log); !done) return done;
  }
  for (const FullTile& full : filled)
    if (auto done = insert_tile_->bind(1, tile_key(full.id)).bind(2, full.tile->hashes()).bind(3, full.tile->inner()).run();
        !done)
      return done;
  return write_log(log);
}

Status SqliteWriter::write_state(const StateWrite& write, LogRow& log) {
  const ByteView key = as_bytes(write.key);
  std::optional<std::int64_t> large;
  {
    const sqlite::Use query(*stored_);
    const auto found = query->bind(1, key).step();
    if (!found) return fail(found.error());
    if (*found) {
      const auto old_checksum = query->integer(0);
      if (!old_checksum) return fail(old_checksum.error());
      log.state_sum -= static_cast<std::uint64_t>(*old_checksum);
      --log.state_rows;
      if (!query->is_null(1)) {
        const auto place = query->integer(1);
        if (!place) return fail(place.error());
        large = *place;
      }
    } else if (!write.value) {
      return {};
    }
  }
  const bool is_large = write.value && key.size() + write.value->size() > max_row_bytes;
  const auto place = write_large(is_large ? std::optional<ByteView>(*write.value) : std::nullopt, large);
  if (!place) return fail(place.error());
  if (!write.value) return remove_->bind(1, key).run();
  const std::uint64_t checksum = state_checksum(key, *write.value);
  log.state_sum += checksum;
  ++log.state_rows;
  if (*place) return put_place_->bind(1, key).bind(2, **place).bind(3, static_cast<std::int64_t>(checksum)).run();
  return put_->bind(1, key).bind(2, *write.value).bind(3, static_cast<std::int64_t>(checksum)).run();
}

Result<std::optional<std::int64_t>> SqliteWriter::write_large(std::optional<ByteView> value, std::optional<std::int64_t> old) {
  if (!value) {
    if (old)
      if (const auto removed = remove_large_->bind(1, *old).run(); !removed) return fail(removed.error());
    return std::nullopt;
  }
  if (old) {
    if (const auto updated = update_large_->bind(1, *value).bind(2, *old).run(); !updated) return fail(updated.error());
    return old;
  }
  const sqlite::Use insert(*insert_large_);
  const auto row = insert->bind(1, *value).step();
  if (!row) return fail(row.error());
  return insert->integer(0);
}

Status SqliteWriter::write_log(const LogRow& log) {
  return update_log_->bind(1, static_cast<std::int64_t>(log.head.size))
      .bind(2, log.head.root.bytes)
      .bind(3, log.state_rows)
      .bind(4, static_cast<std::int64_t>(log.state_sum))
      .bind(5, log.key)
      .run();
}

}  // namespace forgepool
