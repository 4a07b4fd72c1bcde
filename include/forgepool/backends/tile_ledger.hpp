#pragma once
/// A ledger in files of its own: tiles and entry bundles in the layout of C2SP tlog-tiles, which any static web server can
/// serve, and a write-ahead journal that makes leaves and state durable in one step. Format: src/ledger/FORMAT.md.
#include <forgepool/ledger.hpp>

namespace forgepool {

struct TileLedgerOptions {
  /// A folder, made if missing. What may be published is below "public", readable by everybody (mode 0644): its address is the
  /// log's prefix. The rest is the owner's (0600). One process at a time: a second opener gets `conflict`.
  std::string path;
  std::string origin;           ///< Must match the folder's, once it has one. At most 2,000 bytes.
  std::shared_ptr<Signer> key;  ///< Ed25519. The folder's, once it has one, must be this or an earlier one.
  /// The journal is started anew when it is longer. More: fewer pauses to sync all files, a longer way back after a crash.
  std::uint64_t journal_bytes = std::uint64_t{64} << 20;
  std::vector<std::shared_ptr<Signer>> earlier_keys{};  ///< Sign, too: see Ledger::use_keys.
};

/// `corrupt` if the files do not fit each other, or contradict the checkpoint that was published last.
FORGEPOOL_API Result<std::unique_ptr<Ledger>> open_tile_ledger(TileLedgerOptions options);

}  // namespace forgepool
