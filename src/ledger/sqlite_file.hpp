#pragma once
/// The SQLite file of a ledger: made whole or not at all, and recognised when it is opened. Format: FORMAT.md.
#include "ledger/sqlite.hpp"
#include "ledger/tree.hpp"

namespace forgepool {

/// The one row of table `log`.
struct LogRow {
  std::string origin;
  Bytes key;  ///< SubjectPublicKeyInfo.
  LedgerHead head;
  std::int64_t state_rows = 0;
  std::uint64_t state_sum = 0;  ///< Of the checksums of all rows of `state`, modulo 2^64.
};

/// Key of table `tiles`.
std::int64_t tile_key(const TileId& id);

/// Checks one row of state: part of SHA-256 over the key's length, the key and the value.
std::uint64_t state_checksum(ByteView key, ByteView value);

/// Makes the file with an empty log under another name and moves it to `path` when it is durable, so that a file at `path` is
/// never half made. `corrupt` if what is left of an earlier ledger is in the way.
Status create_ledger_file(const std::string& path, std::string_view origin, const PublicKey& key);

/// Opens the file for writing. `invalid_input` if it is no ledger, `unsupported` if it is of a later version.
Result<sqlite::Database> open_ledger_file(const std::string& path);

Result<LogRow> read_log_row(sqlite::Database& database);

}  // namespace forgepool
