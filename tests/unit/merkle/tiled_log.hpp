#pragma once
/// A log as files in memory, made from its leaves by the definitions alone: each hash of a tile is the root of the leaves below
/// it.
#include <forgepool/tiled_log.hpp>

#include <catch2/catch_test_macros.hpp>

#include <map>

namespace forgepool::testing {

struct PublishedLog {
  explicit PublishedLog(std::uint64_t size) {
    for (std::uint64_t i = 0; i < size; ++i) {
      leaves.push_back(to_bytes("leaf " + std::to_string(i)));
      hashes.push_back(leaf_hash(leaves.back()));
    }
    for (const LogResource& resource : log_resources(size)) files[to_path(resource)] = content(resource);
  }

  LogFetch fetch() const {
    return [this](const std::string& path) -> Result<Bytes> {
      ++fetched[path];
      const auto found = files.find(path);
      if (found == files.end()) return fail(ErrorKind::not_found, "there is no " + path);
      return found->second;
    };
  }
  LedgerHead head() const { return head(hashes.size()); }
  LedgerHead head(std::uint64_t size) const { return {size, merkle_root(std::span(hashes).first(size))}; }
  Bytes content(const LogResource& resource) const {
    Bytes bytes;
    for (std::uint64_t i = resource.index * tile_width; i < resource.index * tile_width + resource.width; ++i) {
      if (resource.entries) {
        append_entry(bytes, leaves[i]);
      } else {
        const std::uint64_t below = std::uint64_t{1} << (8 * resource.level);
        const Digest node = merkle_root(std::span(hashes).subspan(i * below, below));
        bytes.insert(bytes.end(), node.bytes.begin(), node.bytes.end());
      }
    }
    return bytes;
  }

  std::vector<Bytes> leaves;
  std::vector<Digest> hashes;
  std::map<std::string, Bytes> files;
  mutable std::map<std::string, int> fetched;
};

}  // namespace forgepool::testing
