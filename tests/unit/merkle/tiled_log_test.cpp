/// Reading a log that somebody else serves, who may serve anything.
#include "tiled_log.hpp"

#include <algorithm>
#include <random>

namespace forgepool {
namespace {

using testing::PublishedLog;

std::string refusal(const PublishedLog& log) {
  const auto verified = verify_tiled_log(log.fetch(), log.head());
  REQUIRE_FALSE(verified);
  return std::string(to_string(verified.error().kind)) + " " + verified.error().message;
}

}  // namespace

TEST_CASE("paths of resources have one spelling, that of C2SP tlog-tiles") {
  CHECK(to_path({false, 0, 0, 256}) == "tile/0/000");
  CHECK(to_path({false, 3, 1'234'067, 256}) == "tile/3/x001/x234/067");
  CHECK(to_path({true, 0, 1000, 7}) == "tile/entries/x001/000.p/7");
  for (const LogResource& resource : log_resources(70'000)) {
    const auto read = parse_log_path(to_path(resource));
    REQUIRE(read);
    CHECK(read->entries == resource.entries);
    CHECK(read->level == resource.level);
    CHECK(read->index == resource.index);
    CHECK(read->width == resource.width);
  }
  for (const char* path : {"",
                           "tile",
                           "tile/",
                           "tile/0",
                           "tile/0/",
                           "tile//000",
                           "tile/0/0",
                           "tile/0/00",
                           "tile/0/0000",
                           "tile/0/x000/001",
                           "tile/0/1/234",
                           "tile/0/x1/234",
                           "tile/8/000",
                           "tile/-1/000",
                           "tile/00/000",
                           "tile/0x0/000",
                           "tile/0/000.p/0",
                           "tile/0/000.p/256",
                           "tile/0/000.p/",
                           "tile/0/000.p/07",
                           "tile/0/000.p/1/2",
                           "tile/0/000/",
                           "/tile/0/000",
                           "tile/0/../0/000",
                           "tile/0/%30",
                           "tile/0/000\n",
                           "tile/data/000",
                           "tile/entries/../checkpoint",
                           "checkpoint",
                           "tile/0/x999999999999999999999/000",
                           "tile/0/x001/x001/x001/x001/x001/x001/x001/001"}) {
    INFO(path);
    const auto read = parse_log_path(path);
    REQUIRE_FALSE(read);
    CHECK(read.error().kind == ErrorKind::invalid_input);
  }
}

TEST_CASE("a log consists of full and partial tiles of every level, and bundles") {
  CHECK(log_resources(0).empty());
  std::vector<std::string> paths;
  for (const LogResource& resource : log_resources(256 * 256 + 300)) paths.push_back(to_path(resource));
  CHECK(paths.size() == 2 * 258 + 2 + 1);
  CHECK(std::ranges::find(paths, "tile/entries/257.p/44") != paths.end());
  CHECK(std::ranges::find(paths, "tile/0/257.p/44") != paths.end());
  CHECK(std::ranges::find(paths, "tile/1/000") != paths.end());
  CHECK(std::ranges::find(paths, "tile/1/001.p/1") != paths.end());
  CHECK(std::ranges::find(paths, "tile/2/000.p/1") != paths.end());
}

TEST_CASE("an entry bundle holds exactly its entries") {
  Bytes bundle;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, max_leaf_bytes}) append_entry(bundle, Bytes(size, 'x'));
  const auto entries = parse_entries(bundle, 3);
  REQUIRE(entries);
  CHECK((*entries)[0].empty());
  CHECK((*entries)[2].size() == max_leaf_bytes);
  CHECK_FALSE(parse_entries(bundle, 2));
  CHECK_FALSE(parse_entries(bundle, 4));
  CHECK(parse_entries({}, 0));
  CHECK_FALSE(parse_entries({}, 1));
  for (const std::size_t cut : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{4}, bundle.size() - 1})
    CHECK_FALSE(parse_entries(ByteView(bundle).first(cut), 3));
}

TEST_CASE("a log of any size verifies, and each leaf is seen once, in order") {
  for (const std::uint64_t size : {0u, 1u, 2u, 255u, 256u, 257u, 600u, 65'536u, 65'793u}) {
    CAPTURE(size);
    const PublishedLog log(size);
    std::uint64_t next = 0;
    CHECK(verify_tiled_log(log.fetch(), log.head(), [&](std::uint64_t index, ByteView leaf) {
      if (index != next || to_text(leaf) != "leaf " + std::to_string(index)) FAIL("leaf " << index << " after " << next);
      ++next;
    }));
    CHECK(next == size);
    for (const auto& [path, times] : log.fetched) CHECK(times == 1);
    CHECK(log.fetched.size() == log.files.size());
  }
}

TEST_CASE("whatever is changed, missing, longer or shorter in a log is found, and where") {
  const PublishedLog intact(700);
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (const auto& [path, content] : intact.files) {
    INFO(path);
    for (int round = 0; round < 5; ++round) {
      PublishedLog log = intact;
      log.files[path][random() % content.size()] ^= static_cast<std::uint8_t>(1u << (random() % 8));
      CHECK(refusal(log).starts_with("corrupt tile/"));
    }
    PublishedLog log = intact;
    log.files[path].pop_back();
    CHECK(refusal(log).starts_with("corrupt " + path));
    log.files[path] = content;
    log.files[path].push_back(0);
    CHECK(refusal(log).starts_with("corrupt " + path));
    log.files.erase(path);
    CHECK(refusal(log).starts_with("not_found tile/"));
  }
  PublishedLog other_root = intact;
  auto head = other_root.head();
  head.root.bytes[0] ^= 1;
  CHECK(verify_tiled_log(other_root.fetch(), head).error().kind == ErrorKind::corrupt);
}

TEST_CASE("a partial tile that is gone is read from the full one") {
  const PublishedLog grown(66'000);
  // What the log published at 700 entries is gone; the checkpoint of then is still good.
  CHECK(verify_tiled_log(grown.fetch(), grown.head(700)));
  CHECK(prove_inclusion(grown.fetch(), 690, grown.head(700)));
  PublishedLog bent = grown;
  bent.files["tile/entries/002"].resize(100);
  CHECK(verify_tiled_log(bent.fetch(), bent.head(700)).error().kind == ErrorKind::corrupt);
}

TEST_CASE("proofs from tiles are those of RFC 9162, and come from few tiles") {
  const PublishedLog log(66'000);
  for (const std::uint64_t index : {0u, 1u, 255u, 256u, 40'000u, 65'535u, 65'536u, 65'999u}) {
    CAPTURE(index);
    log.fetched.clear();
    const auto path = prove_inclusion(log.fetch(), index, log.head());
    REQUIRE(path);
    CHECK(verify_inclusion(log.hashes[index], index, log.head(), *path));
    CHECK(log.fetched.size() <= 6);
  }
  for (const std::uint64_t older : {1u, 2u, 255u, 256u, 300u, 65'536u, 65'999u, 66'000u}) {
    CAPTURE(older);
    const auto path = prove_consistency(log.fetch(), log.head(older), log.head());
    REQUIRE(path);
    CHECK(verify_consistency(log.head(older), log.head(), *path));
  }
  CHECK(prove_inclusion(log.fetch(), 66'000, log.head()).error().kind == ErrorKind::invalid_input);
  CHECK(prove_consistency(log.fetch(), {0, merkle_root({})}, log.head()).error().kind == ErrorKind::invalid_input);
  CHECK(prove_consistency(log.fetch(), {66'001, {}}, log.head()).error().kind == ErrorKind::invalid_input);
}

TEST_CASE("no proof comes of tiles that are not the log's, and a rewritten log is called that") {
  PublishedLog log(700);
  const LedgerHead head = log.head(), older = log.head(300);
  auto other = older;
  other.root.bytes[5] ^= 1;
  const auto rewritten = prove_consistency(log.fetch(), other, head);
  REQUIRE_FALSE(rewritten);
  CHECK(rewritten.error().kind == ErrorKind::corrupt);
  CHECK(rewritten.error().message.starts_with("THE LOG WAS REWRITTEN"));
  log.files["tile/0/000"][40] ^= 1;
  CHECK(prove_inclusion(log.fetch(), 3, head).error().kind == ErrorKind::corrupt);
  log.files["tile/0/000"].resize(33);
  CHECK(prove_inclusion(log.fetch(), 3, head).error().kind == ErrorKind::corrupt);
  log.files.clear();
  CHECK(prove_inclusion(log.fetch(), 3, head).error().kind == ErrorKind::not_found);
}

}  // namespace forgepool
