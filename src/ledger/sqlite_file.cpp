#include "ledger/sqlite_file.hpp"

#include "crypto/digest.hpp"

#include <forgepool/merkle.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <unistd.h>

namespace forgepool {
namespace {

constexpr std::int64_t application_id = 0x66704c67;  // "fpLg"
constexpr std::int64_t format_version = 2;

constexpr std::string_view log_table =
    "CREATE TABLE log (id INTEGER PRIMARY KEY CHECK (id = 0), origin BLOB NOT NULL, key BLOB NOT NULL, size INTEGER NOT NULL, "
    "root BLOB NOT NULL, state_rows INTEGER NOT NULL, state_sum INTEGER NOT NULL) STRICT";
constexpr std::string_view leaves_table = "CREATE TABLE leaves (id INTEGER PRIMARY KEY, leaf BLOB NOT NULL) STRICT";
constexpr std::string_view tiles_table =
    "CREATE TABLE tiles (id INTEGER PRIMARY KEY, hashes BLOB NOT NULL, inner BLOB NOT NULL) STRICT";
// Large values stand in a table of their own: a look-up in a B-tree of whole rows copies each row that it compares, and of a
// value that does not fit into the page every page that it overflows into.
constexpr std::string_view large_values_table =
    "CREATE TABLE large_values (id INTEGER PRIMARY KEY, value BLOB NOT NULL) STRICT";
// Without rowid: one B-tree, so that the check on opening walks the very structure that look-ups use.
constexpr std::string_view state_table =
    "CREATE TABLE state (key BLOB PRIMARY KEY, value BLOB, large INTEGER, checksum INTEGER NOT NULL, CHECK ((value IS NULL) = "
    "(large IS NOT NULL))) STRICT, WITHOUT ROWID";
constexpr std::array schema = {large_values_table, leaves_table, log_table, state_table, tiles_table};  // By name.

Status sync_path(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = file >= 0 && ::fsync(file) == 0;
  const int error = errno;
  if (file >= 0) ::close(file);
  if (!synced) return fail(ErrorKind::internal, "cannot make " + path + " durable: " + std::strerror(error));
  return {};
}

std::string folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

Status fill_new_file(const std::string& path, std::string_view origin, const PublicKey& key) {
  auto database = sqlite::Database::open(path, sqlite::Database::Mode::write);
  if (!database) return fail(database.error());
  std::string setup =
      "PRAGMA page_size = 4096; PRAGMA synchronous = FULL; PRAGMA application_id = " + std::to_string(application_id) +
      "; PRAGMA user_version = " + std::to_string(format_version) + "; BEGIN;";
  for (const std::string_view table : schema) setup += std::string(table) + ";";
  if (auto done = database->exec(setup); !done) return done;
  {
    auto insert = database->prepare("INSERT INTO log VALUES (0, ?1, ?2, 0, ?3, 0, 0)");
    if (!insert) return fail(insert.error());
    const Digest empty_root = merkle_root({});
    if (auto done = insert->bind(1, as_bytes(origin)).bind(2, key.spki).bind(3, empty_root.bytes).run(); !done) return done;
  }
  if (auto done = database->exec("COMMIT"); !done) return done;
  return {};
}

Status check_schema(sqlite::Database& database) {
  auto rows = database.prepare("SELECT sql FROM sqlite_schema ORDER BY name");
  if (!rows) return fail(rows.error());
  std::size_t tables = 0;
  for (;; ++tables) {
    const auto row = rows->step();
    if (!row) return fail(row.error());
    if (!*row) break;
    const auto sql = rows->text(0);
    if (tables == schema.size() || !sql || *sql != schema[tables])
      return fail(ErrorKind::corrupt, "the ledger file's tables are not those of a ledger");
  }
  if (tables != schema.size()) return fail(ErrorKind::corrupt, "a table of the ledger file is missing");
  return {};
}

}  // namespace

std::int64_t tile_key(const TileId& id) {
  return static_cast<std::int64_t>(std::uint64_t{id.level} << 56 | id.index);
}

std::uint64_t state_checksum(ByteView key, ByteView value) {
  std::array<std::uint8_t, 8> size;
  for (std::size_t i = 0; i < size.size(); ++i) size[i] = static_cast<std::uint8_t>(key.size() >> (56 - 8 * i));
  const Digest digest = Sha256().update(size).update(key).update(value).finish();
  std::uint64_t checksum = 0;
  for (std::size_t i = 0; i < 8; ++i) checksum = checksum << 8 | digest.bytes[i];
  return checksum;
}

Status create_ledger_file(const std::string& path, std::string_view origin, const PublicKey& key) {
  // SQLite would replay a stray write-ahead log into the new file.
  for (const char* suffix : {"-wal", "-journal"}) {
    if (std::error_code error; std::filesystem::exists(path + suffix, error))
      return fail(ErrorKind::corrupt, "there is " + path + suffix + " but no " + path +
                                          ": the ledger's file was lost. Restore it, or move the rest away to start anew");
  }
  const std::string unfinished = path + ".new";
  for (const char* suffix : {"", "-journal"}) ::unlink((unfinished + suffix).c_str());
  const int file = ::open(unfinished.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return fail(ErrorKind::invalid_input, "cannot create " + unfinished + ": " + std::strerror(errno));
  ::close(file);
  if (auto done = fill_new_file(unfinished, origin, key); !done) return done;
  if (auto done = sync_path(unfinished); !done) return done;
  if (::rename(unfinished.c_str(), path.c_str()) != 0)
    return fail(ErrorKind::internal, "cannot move " + unfinished + " to " + path + ": " + std::strerror(errno));
  return sync_path(folder_of(path));
}

Result<sqlite::Database> open_ledger_file(const std::string& path) {
  // SQLite takes an empty file for a new database.
  if (std::error_code error; std::filesystem::file_size(path, error) == 0 && !error)
    return fail(ErrorKind::corrupt, path + " is empty: a ledger's file never is. Restore it, or move it away to start anew");
  auto database = sqlite::Database::open(path, sqlite::Database::Mode::write);
  if (!database) return database;
  const auto application = database->query_integer("PRAGMA application_id");
  if (!application) return fail(application.error());
  if (*application != application_id)
    return fail(ErrorKind::invalid_input, path + " is a database, but not a forgepool ledger");
  const auto version = database->query_integer("PRAGMA user_version");
  if (!version) return fail(version.error());
  if (*version != format_version)
    return fail(ErrorKind::unsupported, path + " is a ledger of format " + std::to_string(*version) +
                                            ", this library reads format " + std::to_string(format_version));
  if (const auto checked = check_schema(*database); !checked) return fail(checked.error());
  const auto journal = database->query_text("PRAGMA journal_mode = WAL");
  if (!journal) return fail(journal.error());
  if (*journal != "wal")
    return fail(ErrorKind::unsupported,
                path + " is on a file system without write-ahead logging: put the ledger on a local disk");
    // Deleted state is overwritten: erasure must erase. 4,000 pages of log (16 MiB) before they are moved to the file.
#if FORGEPOOL_MUTANT == 5  // For tests/simulation: a commit is not on the disk when it is said to be.
  if (const auto set = database->exec("PRAGMA synchronous = NORMAL"); set) return database;
#endif
  if (const auto set = database->exec(
          "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON; "
          "PRAGMA trusted_schema = OFF; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864");
      !set)
    return fail(set.error());
  return database;
}

Result<LogRow> read_log_row(sqlite::Database& database) {
  auto query = database.prepare("SELECT origin, key, size, root, state_rows, state_sum FROM log WHERE id = 0");
  if (!query) return fail(query.error());
  const auto found = query->step();
  if (!found) return fail(found.error());
  if (!*found) return fail(ErrorKind::corrupt, "the ledger file holds no head");
  const auto origin = query->blob(0), key = query->blob(1), root = query->blob(3);
  const auto size = query->integer(2), state_rows = query->integer(4), state_sum = query->integer(5);
  LogRow row;
  if (!origin || !key || !root || !size || !state_rows || !state_sum || *size < 0 || root->size() != row.head.root.bytes.size())
    return fail(ErrorKind::corrupt, "the ledger file's head is malformed");
  row.origin = to_text(*origin);
  row.key.assign(key->begin(), key->end());
  row.head.size = static_cast<std::uint64_t>(*size);
  std::ranges::copy(*root, row.head.root.bytes.begin());
  row.state_rows = *state_rows;
  row.state_sum = static_cast<std::uint64_t>(*state_sum);
  return row;
}

}  // namespace forgepool
