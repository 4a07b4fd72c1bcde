#include "backends.hpp"
#include "processes.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>

using namespace forgepool;
using namespace forgepool::test;

namespace {

constexpr std::uint64_t published = 1'400, leaves = 1'500;

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_all(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// A ledger whose owner was killed, or closed it, and what it holds. Tests damage copies of it.
class Original {
 public:
  explicit Original(bool closed) {
    CHECK(exit_code_of([&] {
            auto ledger = open_tiles(folder_.file("log"), std::uint64_t{64} << 20);
            for (std::uint64_t size = 0; size < leaves; size += 100) {
              LedgerBatch batch = numbered_leaves(size, 100);
              batch.writes.push_back({"key/" + std::to_string(size), to_bytes(std::string(size / 10, 'v'))});
              if (!ledger->commit(batch) || (size + 100 == published && !ledger->checkpoint())) return 1;
            }
            if (closed) ledger.reset();
            (void)ledger.release();  // Nothing is tidied up.
            return 0;
          }) == 0);
    for (std::uint64_t size = 0; size < leaves; size += 100)
      state_.emplace_back("key/" + std::to_string(size), std::string(size / 10, 'v'));
    std::ranges::sort(state_);
  }

  /// A fresh copy, and the path of one of its files.
  std::string copy() {
    const std::string path = folder_.file("copy" + std::to_string(++copies_));
    std::filesystem::copy(folder_.file("log"), path, std::filesystem::copy_options::recursive);
    return path;
  }
  const State& state() const { return state_; }

 private:
  Folder folder_;
  State state_;
  int copies_ = 0;
};

Result<std::unique_ptr<Ledger>> try_open(const std::string& path) {
  return open_tile_ledger({.path = path, .origin = test_origin, .key = test_key()});
}

/// Everything that can be asked gets the right answer or an error. True if there was an error.
bool right_or_refused(const Ledger& ledger, const Original& original) {
  const LedgerHead head = ledger.head();
  bool refused = false;
  REQUIRE(head.size == leaves);
  REQUIRE(head.root == merkle_root(numbered_hashes(leaves)));
  for (std::uint64_t i = 0; i < leaves; ++i) {
    const auto leaf = ledger.leaf(i);
    if (leaf) REQUIRE(*leaf == numbered_leaf(i));
    refused |= !leaf;
  }
  for (std::uint64_t i = 0; i < leaves; i += 7) {
    const auto inclusion = ledger.prove_inclusion(i, leaves);
    if (inclusion) REQUIRE(verify_inclusion(leaf_hash(numbered_leaf(i)), i, head, *inclusion));
    refused |= !inclusion;
  }
  for (std::uint64_t tile = 0; tile <= leaves / 256; ++tile) {
    const std::size_t width = std::min<std::uint64_t>(256, leaves - tile * 256);
    const auto hashes = ledger.hash_tile(0, tile, width);
    for (std::size_t i = 0; hashes && i < width; ++i)
      REQUIRE(std::ranges::equal(ByteView(*hashes).subspan(32 * i, 32), leaf_hash(numbered_leaf(tile * 256 + i)).bytes));
    refused |= !hashes;
  }
  for (const auto& [key, value] : original.state()) {
    const auto read = ledger.read(key);
    if (read) REQUIRE(*read == to_bytes(value));
    refused |= !read;
  }
  return refused;
}

std::vector<std::string> files_of(const std::string& path) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
    if (entry.is_regular_file() && entry.path().filename() != "state.db-shm") files.push_back(entry.path().string());
  std::ranges::sort(files);
  return files;
}

}  // namespace

TEST_CASE("a flipped bit anywhere in a tile ledger is noticed or harmless") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const bool closed = GENERATE(false, true);
  CAPTURE(closed);
  Original original(closed);
  int on_opening = 0, on_reading = 0, harmless = 0;
  for (int round = 0; round < 120; ++round) {
    const std::string path = original.copy();
    const auto files = files_of(path);
    // The journal rules everything else: every third flip goes there.
    const std::string victim = round % 3 == 0 ? path + "/journal" : files[random() % files.size()];
    std::string bytes = read_all(victim);
    if (bytes.empty()) continue;
    const std::size_t bit = random() % (bytes.size() * 8);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    write_all(victim, bytes);
    CAPTURE(round, victim.substr(path.size()), bit / 8);
    {
      const auto ledger = try_open(path);
      if (ledger)
        ++(right_or_refused(**ledger, original) ? on_reading : harmless);
      else
        ++on_opening;
      if (!ledger) CHECK_FALSE(ledger.error().message.empty());
    }
    std::filesystem::remove_all(path);
  }
  std::printf("seed %u: of 120 flips %d were refused on opening, %d when read, %d were harmless\n", seed, on_opening,
              on_reading, harmless);
}

TEST_CASE("a journal cut off anywhere is refused") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const bool closed = GENERATE(false, true);
  CAPTURE(closed);
  Original original(closed);
  for (int round = 0; round < 30; ++round) {
    const std::string path = original.copy();
    const auto size = std::filesystem::file_size(path + "/journal");
    const auto kept = round == 0 ? 0 : random() % size;
    CAPTURE(kept, size);
    std::filesystem::resize_file(path + "/journal", kept);
    const auto ledger = try_open(path);
    REQUIRE_FALSE(ledger);
    CHECK(ledger.error().kind == ErrorKind::corrupt);
    CHECK(std::filesystem::file_size(path + "/journal") == kept);  // Nothing was repaired.
    std::filesystem::remove_all(path);
  }
}

TEST_CASE("a record that a crash tore off, and that nobody was told of, is left out") {
  Original original(false);
  const std::string tail = "fpJc and then the beginning of a record that never became whole";
  for (const std::string& torn : {tail, std::string(40, '\0'), std::string("f"), std::string(5'000, 'x')}) {
    const std::string path = original.copy();
    std::ofstream(path + "/journal", std::ios::binary | std::ios::app) << torn;
    {
      const auto ledger = open_tiles(path);
      CHECK_FALSE(right_or_refused(*ledger, original));
      REQUIRE(ledger->commit(numbered_leaves(leaves, 3)));
    }
    CHECK(open_tiles(path)->head().root == merkle_root(numbered_hashes(leaves + 3)));
  }
}

TEST_CASE("files that are lost, swapped, or replaced by older ones are refused or corrupt when read, and never repaired") {
  const bool closed = GENERATE(false, true);
  CAPTURE(closed);
  Original original(closed);
  const auto noticed = [&](const std::string& what, const std::function<void(const std::string&)>& damage) {
    CAPTURE(what);
    const std::string path = original.copy();
    damage(path);
    {
      const auto ledger = try_open(path);
      CHECK((!ledger || right_or_refused(**ledger, original)));
    }
    // Again, in case the first attempt quietly mended it.
    const auto ledger = try_open(path);
    CHECK((!ledger || right_or_refused(**ledger, original)));
  };
  const auto swap = [](const std::string& one, const std::string& other) {
    return [=](const std::string& path) {
      std::filesystem::rename(path + one, path + "/aside");
      std::filesystem::rename(path + other, path + one);
      std::filesystem::rename(path + "/aside", path + other);
    };
  };
  const auto lose = [](const std::string& name) {
    return [=](const std::string& path) { std::filesystem::remove_all(path + name); };
  };
  noticed("tiles swapped", swap("/public/tile/0/001", "/public/tile/0/003"));
  noticed("bundles swapped", swap("/public/tile/entries/000", "/public/tile/entries/002"));
  noticed("a tile lost", lose("/public/tile/0/002"));
  noticed("a bundle lost", lose("/public/tile/entries/004"));
  noticed("all tiles lost", lose("/public/tile"));
  noticed("the journal lost", lose("/journal"));
  noticed("the state lost", lose("/state.db"));
  noticed("everything public lost", lose("/public"));
  noticed("a tile of later leaves", [](const std::string& path) {
    std::filesystem::copy_file(path + "/public/tile/0/000", path + "/public/tile/0/005");
  });
  noticed("a bundle cut short",
          [](const std::string& path) { std::filesystem::resize_file(path + "/public/tile/entries/001", 1'000); });
  noticed("an older journal", [](const std::string& path) {
    const Folder older;
    REQUIRE(open_tiles(older.file("log"))->commit(numbered_leaves(0, 300)));
    write_all(path + "/journal", read_all(older.file("log") + "/journal"));
  });
  noticed("an older state", [](const std::string& path) {
    const Folder older;
    open_tiles(older.file("log"))->commit({.leaves = {}, .writes = {{"key/0", to_bytes("")}}}).value();
    std::filesystem::remove(path + "/state.db-wal");
    std::filesystem::remove(path + "/state.db-shm");
    // Replayed from the journal it may be whole again: then it is right, which is what counts.
    write_all(path + "/state.db", read_all(older.file("log") + "/state.db"));
    std::ofstream(path + "/public/tile/0/000", std::ios::binary | std::ios::trunc).flush();
  });
}

TEST_CASE("records of a journal that were changed places are refused") {
  Original original(false);
  const std::string path = original.copy();
  const std::string journal = read_all(path + "/journal");
  // Records begin with "fpJc".
  std::vector<std::size_t> begins;
  for (std::size_t at = journal.find("fpJc"); at != std::string::npos; at = journal.find("fpJc", at + 1)) begins.push_back(at);
  REQUIRE(begins.size() == leaves / 100);
  const auto record = [&](std::size_t i) { return journal.substr(begins[i], begins[i + 1] - begins[i]); };
  for (const std::string& changed :
       {journal.substr(0, begins[3]) + record(4) + record(3) + journal.substr(begins[5]),  // Swapped.
        journal.substr(0, begins[3]) + journal.substr(begins[4]),                          // Left out.
        journal.substr(0, begins[3]) + record(3) + journal.substr(begins[3]),              // Repeated.
        journal.substr(0, begins.back())}) {                                               // The last one left out.
    write_all(path + "/journal", changed);
    const auto ledger = try_open(path);
    REQUIRE_FALSE(ledger);
    CHECK(ledger.error().kind == ErrorKind::corrupt);
  }
}

TEST_CASE("a ledger set back as a whole contradicts the checkpoint it has published") {
  const Folder folder;
  const std::string path = folder.file("log"), older = folder.file("older");
  open_tiles(path)->commit(numbered_leaves(0, 300)).value();
  std::filesystem::copy(path, older, std::filesystem::copy_options::recursive);
  {
    const auto ledger = open_tiles(path);
    REQUIRE(ledger->commit(numbered_leaves(300, 10)));
    REQUIRE(ledger->checkpoint());
  }
  // Everything but what others have seen.
  for (const char* name : {"journal", "state.db"}) write_all(path + "/" + name, read_all(older + "/" + name));
  const auto opened = try_open(path);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().kind == ErrorKind::corrupt);
  CHECK(opened.error().message.find("310 leaves was published") != std::string::npos);
}
