#pragma once
/// A log as anybody reads it: a checkpoint, hash tiles and entry bundles at the paths of C2SP tlog-tiles, wherever they come
/// from (a hub, a web server, a folder). Everything that is read is checked against the checkpoint's head. Pure functions, but
/// for what the reader's `LogFetch` does.
#include <forgepool/merkle.hpp>

#include <functional>

namespace forgepool {

/// Gets a resource by its path, relative to the log's prefix: "checkpoint", "tile/0/x001/234.p/5". not_found if it is not
/// there.
using LogFetch = std::function<Result<Bytes>(const std::string& path)>;

inline constexpr std::size_t tile_width = 256;

/// A hash tile, or an entry bundle.
struct LogResource {
  bool entries = false;
  unsigned level = 0;  ///< Of a hash tile: its nodes have the height 8·level.
  std::uint64_t index = 0;
  std::size_t width = tile_width;  ///< 1 … 256; fewer than 256 in a partial one.
};
FORGEPOOL_API std::string to_path(const LogResource& resource);
/// invalid_input unless it is exactly what `to_path` writes.
FORGEPOOL_API Result<LogResource> parse_log_path(std::string_view path);
/// Everything that a log of `size` leaves consists of, besides its checkpoint; partial ones where the full are not there yet.
FORGEPOOL_API std::vector<LogResource> log_resources(std::uint64_t size);

/// Appends a leaf of at most max_leaf_bytes to an entry bundle, after its length as big-endian 16-bit number.
FORGEPOOL_API void append_entry(Bytes& bundle, ByteView leaf);
/// The leaves of a bundle, borrowed from it; `corrupt` unless there are exactly `width`.
FORGEPOOL_API Result<std::vector<ByteView>> parse_entries(ByteView bundle, std::size_t width);

/// Reads every entry and every tile of the log, and holds them against each other and against `head`. `corrupt` with the path
/// of what does not fit. `visit`, if given, sees each leaf once it was found to be in its tile.
FORGEPOOL_API Status verify_tiled_log(const LogFetch& fetch, const LedgerHead& head,
                                      const std::function<void(std::uint64_t index, ByteView leaf)>& visit = {});

/// Proofs from the tiles of a log whose checkpoint is `head`; verified before they are returned. Errors as Ledger's.
FORGEPOOL_API Result<MerklePath> prove_inclusion(const LogFetch& fetch, std::uint64_t index, const LedgerHead& head);
FORGEPOOL_API Result<MerklePath> prove_consistency(const LogFetch& fetch, const LedgerHead& older, const LedgerHead& head);

/// C2SP tlog-proof: that a leaf is in the log, for whoever has the leaf and trusts the log's key (and some witnesses).
struct TlogProof {
  std::uint64_t index = 0;
  MerklePath path;
  std::string checkpoint;  ///< With whatever cosignatures it has.
  Bytes extra;             ///< Not authenticated; empty: none.
};
FORGEPOOL_API std::string write_tlog_proof(const TlogProof& proof);
/// invalid_input unless it is well-formed.
FORGEPOOL_API Result<TlogProof> parse_tlog_proof(std::string_view text);
/// `corrupt` unless it proves that `leaf` is in the log of `key`.
FORGEPOOL_API Status verify_tlog_proof(const TlogProof& proof, ByteView leaf, const VerifierKey& key);

}  // namespace forgepool
