#include "ledger/sqlite.hpp"

#include <sqlite3.h>

namespace forgepool::sqlite {
namespace {

ErrorKind kind_of(int code) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_MISMATCH: return ErrorKind::corrupt;
    // Rows are only ever added where the head says there are none.
    case SQLITE_CONSTRAINT: return ErrorKind::corrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ErrorKind::conflict;
    case SQLITE_TOOBIG: return ErrorKind::too_large;
    default: return ErrorKind::internal;
  }
}

tl::unexpected<Error> failed(sqlite3* database, int code) {
  std::string message = std::string("ledger storage: ") + sqlite3_errstr(code);
  if (database != nullptr) message += std::string(" (") + sqlite3_errmsg(database) + ")";
  return fail(kind_of(code), std::move(message));
}

tl::unexpected<Error> wrong_type(int column) {
  return fail(ErrorKind::corrupt,
              "ledger storage: column " + std::to_string(column) + " of a row does not hold the type it should");
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}
void Database::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

Statement& Statement::bind(int position, ByteView blob) {
  // A null pointer would bind NULL instead of the empty blob.
  const int code = sqlite3_bind_blob64(statement_.get(), position, blob.empty() ? static_cast<const void*>("") : blob.data(),
                                       blob.size(), SQLITE_STATIC);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::bind(int position, std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_.get(), position, value);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Result<bool> Statement::step() {
  if (bind_error_ != 0) return failed(sqlite3_db_handle(statement_.get()), bind_error_);
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failed(sqlite3_db_handle(statement_.get()), code);
}

Status Statement::run() {
  const auto stepped = step();
  reset();
  if (!stepped) return fail(stepped.error());
  return {};
}

void Statement::reset() {
  sqlite3_reset(statement_.get());  // Repeats the error of the last step, which was reported.
  bind_error_ = 0;
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Result<std::int64_t> Statement::integer(int column) const {
  if (sqlite3_column_type(statement_.get(), column) != SQLITE_INTEGER) return wrong_type(column);
  return sqlite3_column_int64(statement_.get(), column);
}

Result<ByteView> Statement::blob(int column) const {
  if (sqlite3_column_type(statement_.get(), column) != SQLITE_BLOB) return wrong_type(column);
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  // Null for the empty blob, but also if the content could not be read or held.
  if (data == nullptr && size != 0)
    return failed(sqlite3_db_handle(statement_.get()), sqlite3_errcode(sqlite3_db_handle(statement_.get())));
  return ByteView(static_cast<const std::uint8_t*>(data), data == nullptr ? 0 : size);
}

Result<std::string> Statement::text(int column) const {
  if (sqlite3_column_type(statement_.get(), column) != SQLITE_TEXT) return wrong_type(column);
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (data == nullptr) return fail(ErrorKind::internal, "ledger storage: out of memory");
  return std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column)));
}

Result<Database> Database::open(const std::string& path, Mode mode) {
  const int access = mode == Mode::read    ? SQLITE_OPEN_READONLY
                     : mode == Mode::write ? SQLITE_OPEN_READWRITE
                                           : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Database database(raw);
  if (code != SQLITE_OK) return failed(raw, code);
  sqlite3_busy_timeout(raw, 5'000);
  return database;
}

Status Database::exec(const std::string& sql) {
  const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failed(database_.get(), code);
  return {};
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code =
      sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) return failed(database_.get(), code);
  return Statement(raw);
}

Result<std::int64_t> Database::query_integer(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return fail(statement.error());
  const auto row = statement->step();
  if (!row) return fail(row.error());
  if (!*row) return fail(ErrorKind::corrupt, "ledger storage: a row is missing");
  return statement->integer(0);
}

Result<std::string> Database::query_text(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return fail(statement.error());
  const auto row = statement->step();
  if (!row) return fail(row.error());
  if (!*row) return fail(ErrorKind::corrupt, "ledger storage: a row is missing");
  return statement->text(0);
}

}  // namespace forgepool::sqlite
