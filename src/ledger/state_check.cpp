#include "ledger/state_check.hpp"

#include "ledger/sqlite_file.hpp"

namespace forgepool {

Status check_stored_state(SqliteReaders& readers, std::int64_t rows, std::uint64_t sum) {
  auto reader = readers.take();
  if (!reader) return fail(reader.error());
  std::int64_t found = 0;
  std::uint64_t found_sum = 0;
  std::string last;
  bool ordered = true;
  const auto scanned = (*reader)->scan({}, [&](std::string_view key, ByteView value) {
    ordered = found == 0 || last < key;
    last = key;
    ++found;
    found_sum += state_checksum(as_bytes(key), value);
    return ordered;
  });
  if (!scanned) return scanned;
  if (!ordered || found != rows || found_sum != sum)
    return fail(ErrorKind::corrupt, "the ledger's stored state (" + std::to_string(found) +
                                        " keys) is not what its head says (" + std::to_string(rows) +
                                        " keys): keys were lost, changed or added");
  return {};
}

}  // namespace forgepool
