#include "backends.hpp"
#include "processes.hpp"

#include <algorithm>
#include <chrono>
#include <random>

using namespace forgepool;
using namespace forgepool::test;

namespace {

// What is committed follows from the index alone, so that a reader knows it without being told: leaf i, and the batch that
// starts at i, which also writes key "size" and a key of its own.

Bytes crash_leaf(std::uint64_t index) {
  // Now and then a big one, so that the write-ahead log is moved to the file (16 MiB) during the test.
  const std::size_t size = index % 11 == 0 ? 60'000 : index % 97;
  Bytes leaf(size, static_cast<std::uint8_t>(index));
  const Bytes name = numbered_leaf(index);
  leaf.insert(leaf.end(), name.begin(), name.end());
  return leaf;
}

std::uint64_t batch_length(std::uint64_t first) {
  return 1 + first * 7919 % 61;
}

LedgerBatch crash_batch(std::uint64_t first) {
  LedgerBatch batch;
  const std::uint64_t end = first + batch_length(first);
  for (std::uint64_t i = first; i < end; ++i) batch.leaves.push_back(crash_leaf(i));
  batch.writes.push_back({"size", to_bytes(std::to_string(end))});
  batch.writes.push_back({"batch/" + std::to_string(first), to_bytes(std::to_string(end))});
  return batch;
}

int commit_for_ever(const Backend& backend, const Folder& folder, const Acknowledge& acknowledge) {
  const auto ledger = backend.make(folder);
  for (std::uint64_t size = ledger->head().size;;) {
    const auto head = ledger->commit(crash_batch(size));
    if (!head || head->size != size + batch_length(size)) return 2;
    size = head->size;
    acknowledge(size);
    // Publishing is one of the moments to die at.
    if (size % 5 == 0 && !ledger->checkpoint()) return 3;
  }
}

/// The tree a crash can leave: whole batches and nothing else. Remembers the hashes of leaves between calls.
void check_whole(const Ledger& ledger, std::vector<Digest>& hashes) {
  const LedgerHead head = ledger.head();
  State expected;
  std::uint64_t size = 0;
  while (size < head.size) {
    expected.emplace_back("batch/" + std::to_string(size), std::to_string(size + batch_length(size)));
    size += batch_length(size);
  }
  REQUIRE(size == head.size);  // No half batch.
  if (size > 0) expected.emplace_back("size", std::to_string(size));
  std::ranges::sort(expected);
  CHECK(scan_all(ledger) == expected);  // Leaves and state agree.
  for (std::uint64_t i = hashes.size(); i < size; ++i) hashes.push_back(leaf_hash(crash_leaf(i)));
  CHECK(head.root == merkle_root(std::span(hashes).first(size)));
}

void spin(std::chrono::microseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) continue;
}

}  // namespace

TEST_CASE("a process killed at any moment loses no acknowledged batch and leaves no half one") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto backend = GENERATE(from_range(durable_backends()));
  CAPTURE(backend.name);
  const Folder folder;
  std::vector<Digest> hashes;
  std::uint64_t acknowledged = 0, interrupted = 0;
  for (int round = 0; round < 25; ++round) {
    CAPTURE(round);
    Child child([&](const Acknowledge& acknowledge) { return commit_for_ever(backend, folder, acknowledge); });
    // Some die while opening, most between two steps of a commit.
    if (round % 6 != 0)
      for (std::uint64_t commits = 1 + random() % 30; commits > 0 && child.next(); --commits) continue;
    spin(std::chrono::microseconds(random() % 3'000));
    const Acknowledged seen = child.finish(true);
    REQUIRE(seen.exit_code == -1);
    acknowledged = std::max(acknowledged, seen.last);

    const auto ledger = backend.make(folder);
    CAPTURE(acknowledged);
    CHECK(ledger->head().size >= acknowledged);
    check_whole(*ledger, hashes);
    for (std::uint64_t i = 0; i < 20 && ledger->head().size > 0; ++i) {
      const std::uint64_t index =
          i < 10 ? random() % ledger->head().size : ledger->head().size - 1 - std::min(i - 10, ledger->head().size - 1);
      REQUIRE(ledger->leaf(index) == crash_leaf(index));
    }
    interrupted += ledger->head().size > acknowledged;
    acknowledged = ledger->head().size;
  }
  std::printf("seed %u, %s: 25 kills, %llu leaves, %llu kills hit a batch that was durable but not yet acknowledged\n", seed,
              backend.name.c_str(), static_cast<unsigned long long>(acknowledged),
              static_cast<unsigned long long>(interrupted));
}

TEST_CASE("a write-ahead log that a crash cut short gives an earlier whole state") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const Folder folder;
  {
    Child child(
        [&](const Acknowledge& acknowledge) { return commit_for_ever(durable_backends().front(), folder, acknowledge); });
    for (int commits = 0; commits < 20 && child.next(); ++commits) continue;
    REQUIRE(child.finish(true).exit_code == -1);
  }
  const std::string wal = folder.file() + "-wal";
  REQUIRE(std::filesystem::exists(wal));
  const auto wal_size = std::filesystem::file_size(wal);
  std::vector<Digest> hashes;
  for (int round = 0; round < 20; ++round) {
    const std::string copy = folder.file("copy" + std::to_string(round));
    std::filesystem::copy_file(folder.file(), copy);
    std::filesystem::copy_file(wal, copy + "-wal");
    std::filesystem::resize_file(copy + "-wal", round == 0 ? 0 : random() % wal_size);
    check_whole(*open_sqlite(copy), hashes);
    std::filesystem::remove(copy);
  }
}
