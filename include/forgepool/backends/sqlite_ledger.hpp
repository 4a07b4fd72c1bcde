#pragma once
/// The embedded default: one SQLite file (WAL, synchronous=FULL) per organization. Format: src/ledger/FORMAT.md.
#include <forgepool/ledger.hpp>

namespace forgepool {

struct SqliteLedgerOptions {
  std::string path;             ///< Created if missing (mode 0600). One process at a time: a second opener gets `conflict`.
  std::string origin;           ///< Must match the file's, once it has one.
  std::shared_ptr<Signer> key;  ///< Ed25519. The file's, once it has one, must be this or an earlier one.
  std::vector<std::shared_ptr<Signer>> earlier_keys{};  ///< Sign, too: see Ledger::use_keys.
};

/// `corrupt` if the stored tree does not fit its stored head.
FORGEPOOL_API Result<std::unique_ptr<Ledger>> open_sqlite_ledger(SqliteLedgerOptions options);

}  // namespace forgepool
