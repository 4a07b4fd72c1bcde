#pragma once
/// The check of a stored state on opening: every row fits its checksum, and together they are what was committed.
#include "ledger/sqlite_reader.hpp"

namespace forgepool {

/// `corrupt` unless there are `rows` keys, in order, whose checksums add up to `sum`.
Status check_stored_state(SqliteReaders& readers, std::int64_t rows, std::uint64_t sum);

}  // namespace forgepool
