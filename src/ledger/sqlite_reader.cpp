#include "ledger/sqlite_reader.hpp"

#include "ledger/batch.hpp"
#include "ledger/sqlite_file.hpp"

#include <algorithm>

namespace forgepool {
namespace {

/// Connections that are kept when idle. More are opened under load and closed after it.
constexpr std::size_t max_idle_readers = 8;

/// Of a row of key, value, value among the large ones, and checksum.
Result<ByteView> state_value(ByteView key, const sqlite::Statement& row) {
  const auto value = row.blob(row.is_null(1) ? 2 : 1);
  const auto checksum = row.integer(3);
  if (!value || !checksum) return fail(!value ? value.error() : checksum.error());
  if (static_cast<std::uint64_t>(*checksum) != state_checksum(key, *value))
    return fail(ErrorKind::corrupt, "the stored value of key \"" + to_text(key.first(std::min<std::size_t>(key.size(), 128))) +
                                        "\" fails its checksum");
  return *value;
}

}  // namespace

SqliteReader::SqliteReader(sqlite::Database database, std::array<sqlite::Statement, 5> statements)
    : database_(std::move(database)),
      leaf_(std::move(statements[0])),
      tile_(std::move(statements[1])),
      value_(std::move(statements[2])),
      scan_range_(std::move(statements[3])),
      scan_rest_(std::move(statements[4])) {}

Result<std::unique_ptr<SqliteReader>> SqliteReader::open(const std::string& path) {
  auto database = sqlite::Database::open(path, sqlite::Database::Mode::read);
  if (!database) return fail(database.error());
  if (const auto set = database->exec("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY");
      !set)
    return fail(set.error());
  auto leaf = database->prepare("SELECT leaf FROM leaves WHERE id = ?1");
  auto tile = database->prepare("SELECT hashes, inner FROM tiles WHERE id = ?1");
  const std::string rows =
      "SELECT key, state.value, large_values.value, checksum FROM state LEFT JOIN large_values ON id = large WHERE ";
  auto value = database->prepare(rows + "key = ?1");
  auto scan_range = database->prepare(rows + "key >= ?1 AND key < ?2 ORDER BY key");
  auto scan_rest = database->prepare(rows + "key >= ?1 ORDER BY key");
  for (const auto* statement : {&leaf, &tile, &value, &scan_range, &scan_rest})
    if (!*statement) return fail(statement->error());
  return std::unique_ptr<SqliteReader>(
      new SqliteReader(std::move(*database),
                       {std::move(*leaf), std::move(*tile), std::move(*value), std::move(*scan_range), std::move(*scan_rest)}));
}

Result<Bytes> SqliteReader::leaf(std::uint64_t index) {
  const sqlite::Use query(leaf_);
  const auto found = query->bind(1, static_cast<std::int64_t>(index)).step();
  if (!found) return fail(found.error());
  if (!*found) return fail(ErrorKind::corrupt, "leaf " + std::to_string(index) + " is missing from the ledger file");
  const auto leaf = query->blob(0);
  if (!leaf) return fail(leaf.error());
  return Bytes(leaf->begin(), leaf->end());
}

Result<TilePtr> SqliteReader::tile(const TileId& id) {
  const sqlite::Use query(tile_);
  const auto found = query->bind(1, tile_key(id)).step();
  if (!found) return fail(found.error());
  if (!*found)
    return fail(ErrorKind::corrupt, "hash tile " + std::to_string(id.index) + " of level " + std::to_string(id.level) +
                                        " is missing from the ledger file");
  const auto hashes = query->blob(0), inner = query->blob(1);
  if (!hashes || !inner) return fail(!hashes ? hashes.error() : inner.error());
  return Tile::from_stored(*hashes, *inner).map([](const Tile& tile) { return std::make_shared<const Tile>(tile); });
}

Result<std::optional<Bytes>> SqliteReader::value(std::string_view key) {
  const sqlite::Use query(value_);
  const auto found = query->bind(1, as_bytes(key)).step();
  if (!found) return fail(found.error());
  if (!*found) return std::nullopt;
  const auto value = state_value(as_bytes(key), *query);
  if (!value) return fail(value.error());
  return Bytes(value->begin(), value->end());
}

Status SqliteReader::scan(std::string_view prefix, const std::function<bool(std::string_view, ByteView)>& visit) {
  const auto end = end_of_prefix(prefix);
  const sqlite::Use query(end ? scan_range_ : scan_rest_);
  query->bind(1, as_bytes(prefix));
  if (end) query->bind(2, as_bytes(*end));
  for (;;) {
    const auto found = query->step();
    if (!found) return fail(found.error());
    if (!*found) return {};
    const auto key = query->blob(0);
    if (!key) return fail(key.error());
    const auto value = state_value(*key, *query);
    if (!value) return fail(value.error());
    if (!as_text(*key).starts_with(prefix)) return fail(ErrorKind::corrupt, "the ledger file's state is out of order");
    if (!visit(as_text(*key), *value)) return {};
  }
}

Result<SqliteReaders::Lease> SqliteReaders::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      Lease lease(*this, std::move(idle_.back()));
      idle_.pop_back();
      return lease;
    }
  }
  auto reader = SqliteReader::open(path_);
  if (!reader) return fail(reader.error());
  return Lease(*this, std::move(*reader));
}

void SqliteReaders::give_back(std::unique_ptr<SqliteReader> reader) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < max_idle_readers) idle_.push_back(std::move(reader));
}

}  // namespace forgepool
