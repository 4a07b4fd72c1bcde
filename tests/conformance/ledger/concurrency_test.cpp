#include "backends.hpp"

#include <atomic>
#include <mutex>
#include <random>
#include <set>
#include <thread>

using namespace forgepool;
using namespace forgepool::test;

namespace {

/// Catch2's assertions are for one thread: others note what went wrong here.
class Complaints {
 public:
  void add(std::string what) {
    const std::lock_guard lock(mutex_);
    all_.push_back(std::move(what));
  }
  void unless(bool fine, const char* what) {
    if (!fine) add(what);
  }
  std::vector<std::string> all() {
    const std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> all_;
};

/// What a reader can check at any moment of a log whose leaf i is numbered_leaf(i), and whose key "size" is written with each
/// batch.
void read_once(Ledger& ledger, std::mt19937_64& random, LedgerHead& last, Complaints& complaints) {
  const LedgerHead head = ledger.head();
  complaints.unless(head.size >= last.size, "the head went back");
  if (last.size > 0) {
    const auto consistency = ledger.prove_consistency(last.size, head.size);
    complaints.unless(consistency && verify_consistency(last, head, *consistency),
                      "a head is not consistent with an earlier one");
  }
  last = head;
  if (head.size > 0) {
    const std::uint64_t index = random() % head.size;
    const auto leaf = ledger.leaf(index);
    complaints.unless(leaf && *leaf == numbered_leaf(index), "a leaf is missing or wrong");
    const auto inclusion = ledger.prove_inclusion(index, head.size);
    complaints.unless(inclusion && verify_inclusion(leaf_hash(numbered_leaf(index)), index, head, *inclusion),
                      "an inclusion proof is wrong");
    const auto size = ledger.read("size");
    complaints.unless(size && *size && std::stoull(to_text(**size)) >= head.size, "the state is behind the head");
  }
  const auto note = ledger.checkpoint();
  const auto signed_head = note ? verify_checkpoint(*note, {ledger.origin(), ledger.key()}) : fail(note.error());
  complaints.unless(signed_head && signed_head->size >= head.size, "a checkpoint is wrong or behind the head");
}

}  // namespace

TEST_CASE("readers see whole, consistent states while batches are committed") {
  FOR_EACH_LEDGER(ledger);
  Complaints complaints;
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (unsigned seed = 1; seed <= 3; ++seed) {
    readers.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      LedgerHead last;
      while (!stop) read_once(ledger, random, last, complaints);
    });
  }
  std::uint64_t size = 0;
  for (int round = 0; round < 150; ++round) {
    const std::uint64_t count = 1 + static_cast<std::uint64_t>(round) % 40;
    LedgerBatch batch = numbered_leaves(size, count);
    size += count;
    batch.writes.push_back({"size", to_bytes(std::to_string(size))});
    if (!ledger.commit(batch)) complaints.add("a commit failed");
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(complaints.all() == std::vector<std::string>{});
  CHECK(ledger.head().root == merkle_root(numbered_hashes(size)));
}

TEST_CASE("commits from several threads each get their own unbroken run of indices") {
  FOR_EACH_LEDGER(ledger);
  constexpr int threads = 6, rounds = 25;
  Complaints complaints;
  std::mutex mutex;
  std::vector<std::pair<std::uint64_t, Bytes>> acknowledged;  // Guarded by mutex.
  std::vector<std::thread> writers;
  for (int writer = 0; writer < threads; ++writer) {
    writers.emplace_back([&, writer] {
      for (int round = 0; round < rounds; ++round) {
        LedgerBatch batch;
        const int count = 1 + (writer + round) % 4;
        const std::string name = std::to_string(writer) + "/" + std::to_string(round);
        for (int i = 0; i < count; ++i) batch.leaves.push_back(to_bytes(name + "/" + std::to_string(i)));
        batch.writes.push_back({name, to_bytes("done")});
        // A refused batch in between must not take others down with it.
        if (round % 5 == 0)
          complaints.unless(!ledger.commit({.leaves = {Bytes(max_leaf_bytes + 1)}, .writes = {}}), "too long a leaf was taken");
        const auto head = ledger.commit(batch);
        if (!head) {
          complaints.add(head.error().message);
          continue;
        }
        const std::lock_guard lock(mutex);
        for (std::size_t i = 0; i < batch.leaves.size(); ++i)
          acknowledged.emplace_back(head->size - batch.leaves.size() + i, batch.leaves[i]);
        complaints.unless(ledger.head().size >= head->size, "the head is behind an acknowledged batch");
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  CHECK(complaints.all() == std::vector<std::string>{});
  CHECK(ledger.head().size == acknowledged.size());
  std::set<std::uint64_t> indices;
  for (const auto& [index, leaf] : acknowledged) {
    indices.insert(index);
    REQUIRE(ledger.leaf(index) == leaf);
  }
  CHECK(indices.size() == acknowledged.size());
  CHECK(scan_all(ledger).size() == threads * rounds);
  std::vector<Digest> hashes;
  for (std::uint64_t i = 0; i < ledger.head().size; ++i) hashes.push_back(leaf_hash(*ledger.leaf(i)));
  CHECK(ledger.head().root == merkle_root(hashes));
}
