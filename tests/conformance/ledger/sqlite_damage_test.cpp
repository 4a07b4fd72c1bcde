#include "backends.hpp"
#include "sql.hpp"

#include <fstream>
#include <iterator>
#include <random>

using namespace forgepool;
using namespace forgepool::test;

namespace {

constexpr std::uint64_t leaves = 1'500;

/// A closed ledger, its bytes, and what it holds.
struct Original {
  Original() {
    const auto ledger = open_sqlite(folder.file());
    LedgerBatch batch = numbered_leaves(0, leaves);
    for (int i = 0; i < 200; ++i)
      batch.writes.push_back({"key/" + std::to_string(i), to_bytes(std::string(static_cast<std::size_t>(i), 'v'))});
    for (const char last : {'a', 'b'})
      batch.writes.push_back({std::string("large/") + last, Bytes(3'000, static_cast<std::uint8_t>(last))});
    head = ledger->commit(batch).value();
    state = scan_all(*ledger);
  }
  std::string bytes() const {
    std::ifstream file(folder.file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  Folder folder;
  LedgerHead head;
  State state;
};

Result<std::unique_ptr<Ledger>> open_bytes(const Folder& folder, const std::string& bytes) {
  for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(folder.file() + suffix);
  std::ofstream(folder.file(), std::ios::binary | std::ios::trunc) << bytes;
  return open_sqlite_ledger({.path = folder.file(), .origin = test_origin, .key = test_key()});
}

/// Everything that can be asked gets the right answer or an error. True if there was an error.
bool right_or_refused(const Ledger& ledger, const Original& original) {
  bool refused = false;
  REQUIRE(ledger.head().size == original.head.size);
  REQUIRE(ledger.head().root == original.head.root);
  for (std::uint64_t i = 0; i < leaves; ++i) {
    const auto leaf = ledger.leaf(i);
    if (leaf) REQUIRE(*leaf == numbered_leaf(i));
    refused |= !leaf;
  }
  for (std::uint64_t i = 0; i < leaves; i += 7) {
    const auto inclusion = ledger.prove_inclusion(i, leaves);
    if (inclusion) REQUIRE(verify_inclusion(leaf_hash(numbered_leaf(i)), i, original.head, *inclusion));
    refused |= !inclusion;
  }
  for (const auto& [key, value] : original.state) {
    const auto read = ledger.read(key);
    if (read) REQUIRE(*read == to_bytes(value));
    refused |= !read;
  }
  return refused;
}

}  // namespace

TEST_CASE("a flipped bit anywhere in the file is noticed or harmless") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const Original original;
  const std::string intact = original.bytes();
  int on_opening = 0, on_reading = 0, harmless = 0;
  for (int round = 0; round < 250; ++round) {
    std::string bytes = intact;
    // The first page rules everything else: every fifth flip goes there, and some rounds flip several bits.
    const std::size_t range = round % 5 == 0 ? 4'096 : bytes.size();
    for (int flips = round % 7 == 0 ? 20 : 1; flips > 0; --flips) {
      const std::size_t bit = random() % (range * 8);
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    }
    CAPTURE(round);
    const auto ledger = open_bytes(original.folder, bytes);
    if (!ledger) {
      CHECK_FALSE(ledger.error().message.empty());
      ++on_opening;
      continue;
    }
    ++(right_or_refused(**ledger, original) ? on_reading : harmless);
    // The log may refuse to grow, but not grow into another one.
    if (const auto head = (*ledger)->commit(numbered_leaves(leaves, 2)))
      CHECK(head->root == merkle_root(numbered_hashes(leaves + 2)));
  }
  std::printf("seed %u: of 250 damaged files %d were refused on opening, %d when read, %d were harmless\n", seed, on_opening,
              on_reading, harmless);
}

TEST_CASE("a truncated file is refused") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const Original original;
  const std::string intact = original.bytes();
  for (int round = 0; round < 60; ++round) {
    const std::size_t size = round < 20 ? (static_cast<std::size_t>(round) * 4'096) % intact.size() : random() % intact.size();
    CAPTURE(size);
    const auto ledger = open_bytes(original.folder, intact.substr(0, size));
    REQUIRE_FALSE(ledger);
    CHECK(ledger.error().kind == ErrorKind::corrupt);
  }
}

TEST_CASE("rows changed, lost, added or swapped behind the ledger's back are corrupt on opening") {
  for (const std::string sql :
       {// The head.
        "UPDATE log SET size = size - 1", "UPDATE log SET size = size + 1", "UPDATE log SET size = 0",
        "UPDATE log SET size = -1", "UPDATE log SET size = 9223372036854775807", "UPDATE log SET root = zeroblob(32)",
        "UPDATE log SET root = x'00'", "DELETE FROM log",
        // The right edge: the last leaves and the roots of full tiles.
        "UPDATE leaves SET leaf = x'00' WHERE id = 1499", "DELETE FROM leaves WHERE id = 1400",
        "INSERT INTO leaves VALUES (1500, x'00')", "DELETE FROM tiles WHERE id = 2",
        "UPDATE tiles SET inner = zeroblob(8128) WHERE id = 4", "UPDATE tiles SET hashes = x'00' WHERE id = 4",
        "INSERT INTO tiles VALUES (5, zeroblob(8192), zeroblob(8128))",
        "INSERT INTO tiles VALUES (72057594037927936, zeroblob(8192), zeroblob(8128))",
        // The state.
        "DELETE FROM state WHERE key = CAST('key/7' AS BLOB)",
        "UPDATE state SET value = x'00' WHERE key = CAST('key/7' AS BLOB)", "UPDATE state SET checksum = checksum + 1",
        "INSERT INTO state VALUES (x'00', x'00', NULL, 0)", "DELETE FROM large_values WHERE id = 1",
        "UPDATE large_values SET value = x'00' WHERE id = 2", "INSERT INTO large_values VALUES (3, x'00')",
        "UPDATE state SET large = 1 WHERE large = 2",
        "UPDATE state SET key = CAST('key/x' AS BLOB) WHERE key = CAST('key/7' AS BLOB)",
        "UPDATE log SET state_sum = state_sum + 1",
        // The schema.
        "DROP TABLE state", "CREATE TABLE extra (x)", "CREATE TRIGGER t AFTER INSERT ON leaves BEGIN DELETE FROM state; END"}) {
    CAPTURE(sql);
    const Original original;
    run_sql(original.folder.file(), sql);
    const auto ledger = open_sqlite_ledger({.path = original.folder.file(), .origin = test_origin, .key = test_key()});
    REQUIRE_FALSE(ledger);
    CHECK(ledger.error().kind == ErrorKind::corrupt);
  }
}

TEST_CASE("damage away from the right edge is found by whoever reads there, and by nobody else") {
  const Original original;
  run_sql(
      original.folder.file(),
      "UPDATE leaves SET leaf = x'00' WHERE id = 3; DELETE FROM leaves WHERE id = 4;"
      "UPDATE leaves SET id = -1 WHERE id = 5; UPDATE leaves SET id = 5 WHERE id = 6; UPDATE leaves SET id = 6 WHERE id = -1;"
      "UPDATE tiles SET hashes = zeroblob(8192) WHERE id = 1");
  const auto ledger = open_sqlite(original.folder.file());
  for (const std::uint64_t index : {3, 4, 5, 6, 256, 300, 511}) CHECK(ledger->leaf(index).error().kind == ErrorKind::corrupt);
  for (const std::uint64_t index : {0, 2, 7, 255, 512, 1'499}) CHECK(ledger->leaf(index) == numbered_leaf(index));
  CHECK(ledger->prove_inclusion(300, leaves).error().kind == ErrorKind::corrupt);
  CHECK(verify_inclusion(leaf_hash(numbered_leaf(3)), 3, original.head, *ledger->prove_inclusion(3, leaves)));
}
