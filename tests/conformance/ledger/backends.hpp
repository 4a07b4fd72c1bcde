#pragma once
/// The ledgers under test. A test takes `GENERATE(...)`d backends from here and must hold for each of them.
#include <forgepool/backends/memory_ledger.hpp>
#include <forgepool/backends/sqlite_ledger.hpp>
#include <forgepool/backends/tile_ledger.hpp>
#include <forgepool/merkle.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <filesystem>

#include <stdlib.h>

namespace forgepool::test {

/// A folder that is gone with its object.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "forgepool-ledger-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder in " + name);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const std::string& name = "log.db") const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline const std::string test_origin = "pool.example/org-1";

inline const std::shared_ptr<Signer>& test_key() {
  static const std::shared_ptr<Signer> key = *generate_key(KeyAlgorithm::ed25519);
  return key;
}

inline std::unique_ptr<Ledger> open_sqlite(const std::string& path) {
  auto ledger = open_sqlite_ledger({.path = path, .origin = test_origin, .key = test_key()});
  if (!ledger) FAIL(ledger.error().message);
  return std::move(*ledger);
}

/// Such a short journal is started anew every few batches.
inline constexpr std::uint64_t short_journal = 100'000;

inline std::unique_ptr<Ledger> open_tiles(const std::string& path, std::uint64_t journal_bytes = short_journal) {
  auto ledger = open_tile_ledger({.path = path, .origin = test_origin, .key = test_key(), .journal_bytes = journal_bytes});
  if (!ledger) FAIL(ledger.error().message);
  return std::move(*ledger);
}

struct Backend {
  std::string name;
  std::function<std::unique_ptr<Ledger>(const Folder&)> make;
};

inline std::vector<Backend> backends() {
  return {{"memory", [](const Folder&) { return *make_memory_ledger(test_origin, test_key()); }},
          {"sqlite", [](const Folder& folder) { return open_sqlite(folder.file()); }},
          {"tiles", [](const Folder& folder) { return open_tiles(folder.file("tiles")); }}};
}

/// Those that keep what they are given.
inline std::vector<Backend> durable_backends() {
  auto all = backends();
  all.erase(all.begin());
  return all;
}

/// For each backend, with a fresh ledger in a fresh folder.
#define FOR_EACH_LEDGER(ledger)                                                       \
  const auto backend_ = GENERATE(from_range(::forgepool::test::backends()));          \
  CAPTURE(backend_.name);                                                             \
  const ::forgepool::test::Folder folder_;                                            \
  const std::unique_ptr<::forgepool::Ledger> ledger##_owner = backend_.make(folder_); \
  ::forgepool::Ledger& ledger = *ledger##_owner

inline Bytes numbered_leaf(std::uint64_t index) {
  return to_bytes("leaf " + std::to_string(index));
}

inline LedgerBatch numbered_leaves(std::uint64_t first, std::uint64_t count) {
  LedgerBatch batch;
  for (std::uint64_t i = first; i < first + count; ++i) batch.leaves.push_back(numbered_leaf(i));
  return batch;
}

inline std::vector<Digest> numbered_hashes(std::uint64_t count) {
  std::vector<Digest> hashes;
  for (std::uint64_t i = 0; i < count; ++i) hashes.push_back(leaf_hash(numbered_leaf(i)));
  return hashes;
}

using State = std::vector<std::pair<std::string, std::string>>;

inline State scan_all(const Ledger& ledger, std::string_view prefix = {}) {
  State state;
  const auto scanned = ledger.scan(prefix, [&](std::string_view key, ByteView value) {
    state.emplace_back(key, to_text(value));
    return true;
  });
  CHECK(scanned);
  return state;
}

}  // namespace forgepool::test
