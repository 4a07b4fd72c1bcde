// What was deleted or overwritten is in no file of a ledger that was scrubbed.
#include "backends.hpp"

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <set>

using namespace forgepool;
using namespace forgepool::test;

namespace {

std::string marker(int number) {
  return "marker-" + std::to_string(1'000'000 + number) + "-of-this-test";
}

/// Of all markers, those that stand in some file.
std::set<int> markers_in(const Folder& folder, int count) {
  std::set<int> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.file(""))) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string content(std::istreambuf_iterator<char>(file), {});
    for (int i = 0; i < count; ++i)
      if (content.find(marker(i)) != content.npos) found.insert(i);
  }
  return found;
}

}  // namespace

TEST_CASE("after a scrub no file holds what was deleted or overwritten, and all else is there") {
  const auto backend = GENERATE(from_range(durable_backends()));
  CAPTURE(backend.name);
  const Folder folder;
  const auto ledger = backend.make(folder);
  // In an order that makes pages split in the middle, which leaves copies of rows behind.
  constexpr int count = 600;
  std::vector<int> order(count);
  for (int i = 0; i < count; ++i) order[static_cast<std::size_t>(i)] = i;
  std::mt19937 random(20260101);
  std::ranges::shuffle(order, random);
  for (const int i : order) {
    LedgerBatch batch = numbered_leaves(ledger->head().size, 1);
    batch.writes.push_back(
        {"key " + std::to_string(1000 + i), to_bytes(std::string(static_cast<std::size_t>(i % 7) * 100, '.') + marker(i))});
    REQUIRE(ledger->commit(batch));
  }
  LedgerBatch changes;
  State expected;
  std::set<int> kept;
  for (int i = 0; i < count; ++i) {
    const std::string key = "key " + std::to_string(1000 + i);
    if (i % 3 == 0) {
      changes.writes.push_back({key, std::nullopt});
    } else if (i % 3 == 1) {
      changes.writes.push_back({key, to_bytes("another")});
      expected.emplace_back(key, "another");
    } else {
      expected.emplace_back(key, std::string(static_cast<std::size_t>(i % 7) * 100, '.') + marker(i));
      kept.insert(i);
    }
  }
  REQUIRE(ledger->commit(changes));
  CHECK(markers_in(folder, count) != kept);  // The test can fail.
  REQUIRE(ledger->scrub());
  CHECK(markers_in(folder, count) == kept);
  CHECK(scan_all(*ledger) == expected);
  CHECK(ledger->leaf(count - 1) == numbered_leaf(count - 1));
  // It goes on as before.
  REQUIRE(ledger->commit(numbered_leaves(count, 3)));
  CHECK(ledger->head().size == count + 3);
  CHECK(ledger->prove_inclusion(0, count + 3));
}

TEST_CASE("a scrubbed ledger is whole when it is opened anew") {
  const auto backend = GENERATE(from_range(durable_backends()));
  CAPTURE(backend.name);
  const Folder folder;
  LedgerHead head;
  {
    const auto ledger = backend.make(folder);
    LedgerBatch batch = numbered_leaves(0, 300);
    batch.writes = {{"a", to_bytes("1")}, {"b", to_bytes("2")}};
    REQUIRE(ledger->commit(batch));
    REQUIRE(ledger->commit({.leaves = {}, .writes = {{"a", std::nullopt}}}));
    REQUIRE(ledger->scrub());
    head = ledger->head();
  }
  const auto ledger = backend.make(folder);
  CHECK(ledger->head().size == head.size);
  CHECK(ledger->head().root == head.root);
  CHECK(scan_all(*ledger) == State{{"b", "2"}});
}
