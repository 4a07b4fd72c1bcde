#include "ledger.hpp"

#include "ledger/file_io.hpp"
#include "ledger/journal.hpp"
#include "ledger/sqlite.hpp"

#include <forgepool/backends/tile_ledger.hpp>
#include <forgepool/merkle.hpp>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include <stdlib.h>

namespace forgepool::bench {
namespace {

constexpr std::size_t threads = 8, batch_leaves = 256;

}  // namespace

Folder::Folder() {
  std::string name = (std::filesystem::current_path() / "bench-ledger-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) must(Result<int>(fail(ErrorKind::internal, "cannot make a folder " + name)));
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

LedgerBatch batch_of(std::size_t leaves) {
  static std::atomic<std::uint64_t> number = 0;
  LedgerBatch batch;
  for (std::size_t i = 0; i < leaves; ++i) {
    Bytes leaf(leaf_bytes, 'x');
    const std::string name = std::to_string(number++);
    std::ranges::copy(name, leaf.begin());
    batch.leaves.push_back(std::move(leaf));
  }
  return batch;
}

std::shared_ptr<Signer> bench_key() {
  static const std::shared_ptr<Signer> key = must(generate_key(KeyAlgorithm::ed25519));
  return key;
}

std::unique_ptr<Ledger> open_tiles(const std::string& path) {
  return must(open_tile_ledger({.path = path, .origin = "bench.pool", .key = bench_key()}));
}

std::unique_ptr<Ledger> open_sparse(const std::string& path, std::uint64_t size, const std::vector<std::uint64_t>& proved) {
  open_tiles(path);
  Digest hash = leaf_hash(as_bytes("leaf"));
  std::vector<TilePtr> full;
  for (unsigned level = 0; level < Tree::max_levels; ++level) {
    Tile tile;
    while (!tile.full()) tile.append(hash);
    hash = tile.root();
    full.push_back(std::make_shared<const Tile>(tile));
  }
  std::set<std::pair<unsigned, std::uint64_t>> needed;
  const TileReader reader = [&](const TileId& id) -> Result<TilePtr> {
    needed.insert({id.level, id.index});
    return full[id.level];
  };
  const auto tree = must(Tree::restore(
      size, [](std::uint64_t) { return leaf_hash(as_bytes("leaf")); }, reader));
  for (const std::uint64_t index : proved)
    for (unsigned level = 0; size >> (8 * level) != 0; ++level)
      if (const std::uint64_t tile = index >> (8 * (level + 1)); tile < size >> (8 * (level + 1))) needed.insert({level, tile});
  // A proof takes the neighbours' roots from the tile above, which is needed as well then.
  for (unsigned level = 1; size >> (8 * (level + 1)) != 0; ++level)
    for (std::uint64_t i = 0; i < size >> (8 * (level + 1)); ++i) needed.insert({level, i});
  for (const auto& [level, index] : needed) {
    const std::string file = path + "/public/" + tile_path({level, index});
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    if (const auto written = file_io::replace(file, full[level]->hashes(), 0644, false); !written)
      must(Result<int>(fail(written.error())));
  }
  const Journal::Base base{"bench.pool",
                           bench_key()->public_key().spki,
                           {tree.head(), 0, 0},
                           std::vector<ByteView>(size % Tile::width, as_bytes("leaf"))};
  must(Journal::create(path + "/journal", base));
  return open_tiles(path);
}

double leaves_per_second(Ledger& ledger, std::size_t leaves) {
  std::vector<std::vector<LedgerBatch>> work(threads);
  for (std::size_t i = 0; i < leaves / batch_leaves; ++i) work[i % threads].push_back(batch_of(batch_leaves));
  const std::uint64_t before = ledger.head().size;
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> committers;
  for (auto& batches : work)
    committers.emplace_back([&ledger, &batches] {
      for (const LedgerBatch& batch : batches) must(ledger.commit(batch));
    });
  for (auto& committer : committers) committer.join();
  return static_cast<double>(ledger.head().size - before) / seconds_since(start);
}

double sqlite_inserts_per_second(const std::string& path, std::size_t leaves) {
  auto database = must(sqlite::Database::open(path, sqlite::Database::Mode::create));
  const auto run = [&](const std::string& sql) {
    if (const auto done = database.exec(sql); !done) must(Result<int>(fail(done.error())));
  };
  run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE leaves (id INTEGER PRIMARY KEY, leaf BLOB NOT NULL)");
  auto insert = must(database.prepare("INSERT INTO leaves (leaf) VALUES (?1)"));
  // All committers but the one that is being made durable wait for the next group.
  constexpr std::size_t group = (threads - 1) * batch_leaves;
  std::vector<LedgerBatch> groups;
  for (std::size_t done = 0; done < leaves; done += group) groups.push_back(batch_of(std::min(group, leaves - done)));
  const auto start = std::chrono::steady_clock::now();
  for (const LedgerBatch& batch : groups) {
    run("BEGIN");
    for (const Bytes& leaf : batch.leaves)
      if (const auto done = insert.bind(1, leaf).run(); !done) must(Result<int>(fail(done.error())));
    run("COMMIT");
  }
  return static_cast<double>(leaves) / seconds_since(start);
}

}  // namespace forgepool::bench
