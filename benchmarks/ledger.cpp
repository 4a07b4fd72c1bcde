// What the ledger costs: leaves per second, durable, beside the floor of plain SQLite inserts in the same run; proofs; whether
// an append costs the same in a log of 10^8 leaves as in one of 10^3; and how long an auditor takes for a job of 10,000 shards.
#include "ledger.hpp"

#include <forgepool/backends/sqlite_ledger.hpp>
#include <forgepool/merkle.hpp>

#include <algorithm>
#include <random>

using namespace forgepool;
using namespace forgepool::bench;

namespace {

struct Throughput {
  double tiles = 0, sqlite = 0, floor = 0;
};

Throughput measure_throughput() {
  constexpr std::size_t leaves = 200'000;
  std::vector<double> tiles, sqlite, floor;
  for (int round = 0; round < 3; ++round) {
    const Folder folder;
    floor.push_back(sqlite_inserts_per_second(folder.file("floor.db"), leaves));
    {
      const auto ledger = open_tiles(folder.file("tiles"));
      tiles.push_back(leaves_per_second(*ledger, leaves));
    }
    const auto ledger = must(open_sqlite_ledger({folder.file("log.db"), "bench.pool", bench_key()}));
    sqlite.push_back(leaves_per_second(*ledger, leaves));
  }
  return {median(tiles), median(sqlite), median(floor)};
}

struct Proofs {
  double cold_us = 0, warm_us = 0;
};

/// Of leaves all over a log of 10^8; first each once, from tiles of leaves that are not in memory, then again.
Proofs measure_proofs(const Folder& folder) {
  constexpr std::uint64_t size = 100'000'000;
  std::mt19937_64 random(7);
  std::vector<std::uint64_t> indices(2'000);
  for (auto& index : indices) index = random() % size;
  const auto ledger = open_sparse(folder.file("sparse"), size, indices);
  const LedgerHead head = ledger->head();
  std::vector<double> cold, warm;
  const auto prove = [&](std::uint64_t index, std::vector<double>& times) {
    const auto start = std::chrono::steady_clock::now();
    const auto path = ledger->prove_inclusion(index, size);
    times.push_back(seconds_since(start) * 1e6);
    if (!verify_inclusion(leaf_hash(as_bytes("leaf")), index, head, must(path)))
      must(Result<int>(fail(ErrorKind::corrupt, "proof")));
  };
  for (const std::uint64_t index : indices) prove(index, cold);
  for (int round = 0; round < 4; ++round)
    for (std::size_t i = 0; i < 500; ++i) prove(indices[indices.size() - 1 - i], warm);
  return {median(cold), median(warm)};
}

/// Time per leaf of batches of the same size in a large log over that in a small one, in alternating rounds.
double measure_append_ratio(const Folder& folder) {
  const auto large = open_sparse(folder.file("large"), 100'000'000, {});
  const auto small = open_sparse(folder.file("small"), 1'000, {});
  constexpr std::size_t leaves = 4'096;
  const auto time = [&](Ledger& ledger) {
    const LedgerBatch batch = batch_of(leaves);
    const auto start = std::chrono::steady_clock::now();
    must(ledger.commit(batch));
    return seconds_since(start);
  };
  std::vector<double> of_large, of_small;
  for (int round = 0; round < 41; ++round) {
    of_large.push_back(time(*large));
    of_small.push_back(time(*small));
  }
  return median(of_large) / median(of_small);
}

}  // namespace

int main() {
  const Throughput rate = measure_throughput();
  const Folder folder;
  const Proofs proof = measure_proofs(folder);
  const double append = measure_append_ratio(folder);
  const BundleFigures bundle = verify_bundle_of(10'000);
  const double best = std::max(rate.tiles, rate.sqlite);

  fmt::print("durable leaves of {} bytes per second, in groups of commits (medians of 3 alternating rounds)\n", leaf_bytes);
  fmt::print("  {:<52} {:>10.0f}\n", "floor: inserts into a plain SQLite table", rate.floor);
  fmt::print("  {:<52} {:>10.0f}   {:.2f} of the floor\n", "tile ledger", rate.tiles, rate.tiles / rate.floor);
  fmt::print("  {:<52} {:>10.0f}   {:.2f} of the floor\n", "SQLite ledger", rate.sqlite, rate.sqlite / rate.floor);
  fmt::print("inclusion proof of any leaf of 10^8, verified before it is handed out, microseconds (medians of 2,000)\n");
  fmt::print("  {:<52} {:>10.1f}\n", "leaf tile on disk", proof.cold_us);
  fmt::print("  {:<52} {:>10.1f}\n", "tiles in memory", proof.warm_us);
  fmt::print("  {:<52} {:>10.2f}\n", "append to 10^8 leaves over append to 10^3", append);
  fmt::print("  {:<52} {:>10.2f} s  ({} receipts, {:.1f} MB)\n", "offline verification of a job of 10,000 shards",
             bundle.verify_s, bundle.receipts, static_cast<double>(bundle.bytes) / 1e6);
  fmt::print(
      "{{\"leaves_per_s\":{:.0f},\"leaves_vs_sqlite_insert\":{:.3f},\"tiles_leaves_per_s\":{:.0f},\"sqlite_leaves_per_s\":{:."
      "0f},"
      "\"sqlite_inserts_per_s\":{:.0f},\"proof_us\":{:.1f},\"proof_warm_us\":{:.1f},\"append_cost_1e8_vs_1e3\":{:.3f},"
      "\"verify_10k_bundle_s\":{:.3f}}}\n",
      best, best / rate.floor, rate.tiles, rate.sqlite, rate.floor, proof.cold_us, proof.warm_us, append, bundle.verify_s);
}
