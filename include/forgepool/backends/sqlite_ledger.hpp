#pragma once
/// The embedded default: one SQLite file (WAL, synchronous=FULL) per organization. Format: src/ledger/FORMAT.md.
#include <forgepool/ledger.hpp>

namespace forgepool {

struct SqliteLedgerOptions {
  std::string path;             ///< Created if missing (mode 0600). One process at a time: a second opener gets `conflict`.
  std::string origin;           ///< Must match the file's, once it has one.
  std::shared_ptr<Signer> key;  ///< Ed25519. Must match the file's, once it has one.
};

/// `corrupt` if the stored tree does not fit its stored head.
FORGEPOOL_API Result<std::unique_ptr<Ledger>> open_sqlite_ledger(SqliteLedgerOptions options);

}  // namespace forgepool
