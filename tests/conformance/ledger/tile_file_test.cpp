#include "backends.hpp"
#include "processes.hpp"

#include <fstream>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

using namespace forgepool;
using namespace forgepool::test;

namespace {

Result<std::unique_ptr<Ledger>> try_open(const std::string& path, const std::string& origin = test_origin,
                                         const std::shared_ptr<Signer>& key = test_key()) {
  return open_tile_ledger({.path = path, .origin = origin, .key = key});
}

std::optional<ErrorKind> refusal(const Result<std::unique_ptr<Ledger>>& opened) {
  return opened ? std::nullopt : std::optional(opened.error().kind);
}

Bytes content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) FAIL("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777u : 0;
}

/// What C2SP tlog-tiles says the tile of these nodes holds.
Bytes concatenated(std::span<const Digest> hashes) {
  Bytes bytes;
  for (const Digest& hash : hashes) bytes.insert(bytes.end(), hash.bytes.begin(), hash.bytes.end());
  return bytes;
}

Bytes bundle_of(std::uint64_t first, std::uint64_t count) {
  Bytes bundle;
  for (std::uint64_t i = first; i < first + count; ++i) {
    const Bytes leaf = numbered_leaf(i);
    bundle.push_back(static_cast<std::uint8_t>(leaf.size() >> 8));
    bundle.push_back(static_cast<std::uint8_t>(leaf.size()));
    bundle.insert(bundle.end(), leaf.begin(), leaf.end());
  }
  return bundle;
}

}  // namespace

TEST_CASE("what is published is the tree of the checkpoint, where tlog-tiles says it is") {
  const Folder folder;
  const auto ledger = open_tiles(folder.file("log"));
  // The example of the specification: 273 full tiles, one of 112, one full of level 1, one of 17, one of level 2 of width 1.
  constexpr std::uint64_t size = 70'000;
  REQUIRE(ledger->commit(numbered_leaves(0, size)));
  const auto note = ledger->checkpoint();
  REQUIRE(note);
  const std::string prefix = folder.file("log") + "/public/";
  CHECK(to_text(content(prefix + "checkpoint")) == *note);
  const auto hashes = numbered_hashes(size);
  const std::span all(hashes);
  CHECK(content(prefix + "tile/0/000") == concatenated(all.first(256)));
  CHECK(content(prefix + "tile/0/272") == concatenated(all.subspan(272 * 256, 256)));
  CHECK(content(prefix + "tile/0/273.p/112") == concatenated(all.subspan(273 * 256)));
  CHECK(content(prefix + "tile/entries/272") == bundle_of(272 * 256, 256));
  CHECK(content(prefix + "tile/entries/273.p/112") == bundle_of(273 * 256, 112));
  std::vector<Digest> level_1;
  for (std::size_t i = 0; i < 273; ++i) level_1.push_back(merkle_root(all.subspan(i * 256, 256)));
  CHECK(content(prefix + "tile/1/000") == concatenated(std::span(level_1).first(256)));
  CHECK(content(prefix + "tile/1/001.p/17") == concatenated(std::span(level_1).subspan(256)));
  CHECK(content(prefix + "tile/2/000.p/1") == concatenated(std::array{merkle_root(all.first(65'536))}));
  CHECK_FALSE(std::filesystem::exists(prefix + "tile/0/273"));
  CHECK_FALSE(std::filesystem::exists(prefix + "tile/3"));
}

TEST_CASE("partial tiles go when the full one is there for good") {
  const Folder folder;
  const std::string prefix = folder.file("log") + "/public/";
  {
    const auto ledger = open_tiles(folder.file("log"));
    REQUIRE(ledger->commit(numbered_leaves(0, 100)));
    REQUIRE(ledger->checkpoint());
    CHECK(std::filesystem::exists(prefix + "tile/0/000.p/100"));
    REQUIRE(ledger->commit(numbered_leaves(100, 300)));
  }
  CHECK_FALSE(std::filesystem::exists(prefix + "tile/0/000.p"));
  CHECK_FALSE(std::filesystem::exists(prefix + "tile/entries/000.p"));
  CHECK(std::filesystem::exists(prefix + "tile/0/000"));
}

TEST_CASE("a reopened tile ledger has every leaf, key and proof it had") {
  const Folder folder;
  std::uint64_t size = 0;
  State state;
  for (const std::uint64_t count : {0, 1, 255, 1, 256, 700, 3, 20'000, 7}) {
    const auto ledger = open_tiles(folder.file("log"), count == 20'000 ? short_journal : std::uint64_t{64} << 20);
    CHECK(ledger->head().size == size);
    CHECK(ledger->head().root == merkle_root(numbered_hashes(size)));
    CHECK(scan_all(*ledger) == state);
    const auto all = ledger->leaves(0, size);
    REQUIRE(all);
    for (std::uint64_t i = 0; i < size; ++i) REQUIRE((*all)[i] == numbered_leaf(i));
    if (size > 0) {
      CHECK(verify_inclusion(leaf_hash(numbered_leaf(0)), 0, ledger->head(), *ledger->prove_inclusion(0, size)));
      CHECK(verify_consistency({1, leaf_hash(numbered_leaf(0))}, ledger->head(), *ledger->prove_consistency(1, size)));
    }
    LedgerBatch batch = numbered_leaves(size, count);
    batch.writes.push_back({"run/" + std::to_string(state.size()), to_bytes(std::to_string(count))});
    state.emplace_back(batch.writes.back().key, std::to_string(count));
    REQUIRE(ledger->commit(batch));
    size += count;
  }
}

TEST_CASE("anybody can read what is published, and only the owner the rest") {
  const Folder folder;
  const mode_t before = ::umask(0);
  const auto ledger = open_tiles(folder.file("log"));
  REQUIRE(ledger->commit({.leaves = numbered_leaves(0, 300).leaves, .writes = {{"k", to_bytes("v")}}}));
  REQUIRE(ledger->checkpoint());
  ::umask(before);
  const std::string path = folder.file("log");
  for (const char* name : {"/journal", "/state.db", "/state.db-wal", ".lock"}) {
    CAPTURE(name);
    CHECK(mode_of(path + name) == 0600);
  }
  for (const char* name : {"checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/entries/000"}) {
    CAPTURE(name);
    CHECK(mode_of(path + "/public/" + name) == 0644);
  }
}

TEST_CASE("a second opener of a tile ledger is told that there is a first") {
  const Folder folder;
  auto first = open_tiles(folder.file("log"));
  CHECK(refusal(try_open(folder.file("log"))) == ErrorKind::conflict);
  std::filesystem::create_symlink(folder.file("log"), folder.file("alias"));
  CHECK(refusal(try_open(folder.file("alias"))) == ErrorKind::conflict);
  REQUIRE(first->commit(numbered_leaves(0, 3)));  // Unharmed by the attempts.
  first.reset();
  CHECK(open_tiles(folder.file("log"))->head().size == 3);
}

TEST_CASE("a tile ledger is not opened in another's name or with another's key") {
  const Folder folder;
  REQUIRE(open_tiles(folder.file("log"))->commit(numbered_leaves(0, 3)));
  CHECK(refusal(try_open(folder.file("log"), "pool.example/org-2")) == ErrorKind::invalid_input);
  CHECK(refusal(try_open(folder.file("log"), test_origin, *generate_key(KeyAlgorithm::ed25519))) == ErrorKind::invalid_input);
  CHECK(refusal(try_open(folder.file("missing/log"))) == ErrorKind::invalid_input);
  CHECK(refusal(try_open("")) == ErrorKind::invalid_input);
  CHECK(open_tiles(folder.file("log"))->head().size == 3);
}

TEST_CASE("a tile ledger whose making was interrupted is made anew") {
  const Folder folder;
  std::filesystem::create_directory(folder.file("log.new"));
  std::ofstream(folder.file("log.new") + "/journal") << "half a file";
  CHECK(open_tiles(folder.file("log"))->head().size == 0);
  CHECK_FALSE(std::filesystem::exists(folder.file("log.new")));
}

TEST_CASE("a full disk fails a tile ledger's commit, loses nothing acknowledged, and it opens again") {
  const Folder folder;
  open_tiles(folder.file("log"));
  const Acknowledged acknowledged = run_until_exit([&](const Acknowledge& acknowledge) {
    // Stands in for the full disk: no file may grow beyond 400 kB.
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{400'000, 400'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto ledger = open_tiles(folder.file("log"), std::uint64_t{64} << 20);
    for (std::uint64_t size = 0;;) {
      const auto head = ledger->commit(numbered_leaves(size, 100));
      if (!head) {
        if (head.error().kind != ErrorKind::internal) return 2;
        const auto next = ledger->commit(numbered_leaves(size, 1));
        if (next || next.error().kind != ErrorKind::internal) return 3;
        return ledger->head().size == size && ledger->leaf(size - 1) == numbered_leaf(size - 1) ? 0 : 4;
      }
      size = head->size;
      acknowledge(size);
    }
  });
  CHECK(acknowledged.exit_code == 0);
  CHECK(acknowledged.last > 0);
  const auto ledger = open_tiles(folder.file("log"));
  CHECK(ledger->head().size >= acknowledged.last);
  CHECK(ledger->head().size <= acknowledged.last + 100);
  CHECK(ledger->head().root == merkle_root(numbered_hashes(ledger->head().size)));
  CHECK(ledger->commit(numbered_leaves(ledger->head().size, 10)));
}

TEST_CASE("a tile ledger's key is replaced while it is open, and what earlier ones signed is still the ledger's") {
  const Folder folder;
  const std::string path = folder.file("log"), note_path = path + "/public/checkpoint";
  const auto first = test_key(), second = *generate_key(KeyAlgorithm::ed25519), third = *generate_key(KeyAlgorithm::ed25519);
  const auto signed_by = [](const std::string& note, const std::shared_ptr<Signer>& key) {
    return verify_checkpoint(note, {test_origin, key->public_key()}).has_value();
  };
  const auto open = [&](const std::shared_ptr<Signer>& key, std::vector<std::shared_ptr<Signer>> earlier) {
    return open_tile_ledger({.path = path, .origin = test_origin, .key = key, .earlier_keys = std::move(earlier)});
  };
  {
    const auto ledger = open_tiles(path);
    REQUIRE(ledger->commit(numbered_leaves(0, 300)));
    const auto before = ledger->checkpoint();
    REQUIRE(before);
    REQUIRE(ledger->use_keys(second, {first}));
    CHECK(ledger->key() == second->public_key());
    // At once: the first may be revoked before anything else is published.
    CHECK(signed_by(to_text(content(note_path)), second));
    // The same tree under both names, and so what is published.
    const auto after = ledger->checkpoint();
    REQUIRE(after);
    CHECK(signed_by(*after, first));
    CHECK(signed_by(*after, second));
    CHECK_FALSE(signed_by(*before, second));
    CHECK(to_text(content(note_path)) == *after);
    LedgerBatch more = numbered_leaves(300, 10);
    more.writes.push_back({"a key", to_bytes("a value")});
    REQUIRE(ledger->commit(more));
  }
  CHECK(refusal(open(third, {})) == ErrorKind::invalid_input);
  {
    // The one that it was made with is not needed any more.
    auto ledger = open(second, {});
    REQUIRE(ledger);
    CHECK((*ledger)->head().size == 310);
  }
  {
    // Replaced while nobody had it open: and nothing has to be committed for that.
    auto ledger = open(third, {second});
    REQUIRE(ledger);
    CHECK(signed_by(to_text(content(note_path)), third));
    CHECK(signed_by(*(*ledger)->checkpoint(), third));
    CHECK(signed_by(*(*ledger)->checkpoint(), second));
  }
  auto ledger = open(third, {});
  REQUIRE(ledger);
  CHECK((*ledger)->read("a key")->has_value());
  CHECK(signed_by(to_text(content(note_path)), third));
  CHECK((*ledger)->use_keys(*generate_key(KeyAlgorithm::ecdsa_p256), {}).error().kind == ErrorKind::invalid_input);
  CHECK((*ledger)->key() == third->public_key());
}
