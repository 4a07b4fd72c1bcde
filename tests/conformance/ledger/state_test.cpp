#include "backends.hpp"

#include <algorithm>
#include <fstream>
#include <map>

using namespace forgepool;
using namespace forgepool::test;

namespace {

StateWrite put(std::string key, std::string_view value) {
  return {std::move(key), to_bytes(value)};
}
StateWrite drop(std::string key) {
  return {std::move(key), std::nullopt};
}

/// By this process so far, the page cache included.
std::optional<std::uint64_t> bytes_read() {
  std::ifstream counters("/proc/self/io");
  std::uint64_t bytes = 0;
  for (std::string name; counters >> name >> bytes;)
    if (name == "rchar:") return bytes;
  return std::nullopt;
}

}  // namespace

TEST_CASE("a key has the value last written, and none after it was deleted") {
  FOR_EACH_LEDGER(ledger);
  CHECK(ledger.read("k").value() == std::nullopt);
  REQUIRE(ledger.commit({.leaves = {}, .writes = {put("k", "1"), put("l", "")}}));
  CHECK(ledger.read("k") == to_bytes("1"));
  CHECK(ledger.read("l") == Bytes{});
  REQUIRE(ledger.commit({.leaves = {}, .writes = {put("k", "2")}}));
  CHECK(ledger.read("k") == to_bytes("2"));
  REQUIRE(ledger.commit({.leaves = {}, .writes = {drop("k"), drop("never there")}}));
  CHECK(ledger.read("k").value() == std::nullopt);
  CHECK(scan_all(ledger) == State{{"l", ""}});
}

TEST_CASE("the writes of a batch apply in order") {
  FOR_EACH_LEDGER(ledger);
  REQUIRE(ledger.commit(
      {.leaves = {}, .writes = {put("a", "1"), put("a", "2"), put("b", "1"), drop("b"), drop("c"), put("c", "3")}}));
  CHECK(scan_all(ledger) == State{{"a", "2"}, {"c", "3"}});
}

TEST_CASE("keys and values are bytes: zeros, newlines, 0xff and nothing at all") {
  FOR_EACH_LEDGER(ledger);
  const std::string zero("\0", 1);
  REQUIRE(ledger.commit(
      {.leaves = {},
       .writes = {put("", "empty key"), put(zero, zero), put("a" + zero, "1"), put("a", "\xff\xfe"), put("\n", "\n")}}));
  CHECK(scan_all(ledger) == State{{"", "empty key"}, {zero, zero}, {"\n", "\n"}, {"a", "\xff\xfe"}, {"a" + zero, "1"}});
  CHECK(ledger.read("") == to_bytes("empty key"));
  CHECK(ledger.read(zero) == to_bytes(zero));
}

TEST_CASE("a value may have any size, and another size when it is overwritten") {
  const auto backend = GENERATE(from_range(backends()));
  CAPTURE(backend.name);
  const Folder folder;
  auto ledger = backend.make(folder);
  std::map<std::string, std::string> expected;
  std::size_t step = 0;
  const std::vector<std::size_t> sizes = {0, 1, 800, 880, 890, 900, 1'000, 1'100, 4'000, 4'100, 70'000, 3'000'000};
  // Every size after every other one, in one batch and over several.
  for (std::size_t round = 0; round < sizes.size(); ++round) {
    LedgerBatch batch;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const std::string key = "key " + std::to_string(i);
      for (int twice = 0; twice < 2; ++twice) {
        const std::string value(sizes[(i + round * static_cast<std::size_t>(twice)) % sizes.size()],
                                static_cast<char>('a' + ++step % 26));
        batch.writes.push_back(put(key, value));
        expected[key] = value;
      }
      if ((i + round) % 5 != 0) continue;
      batch.writes.push_back(drop(key));
      expected.erase(key);
    }
    REQUIRE(ledger->commit(batch));
    CHECK((scan_all(*ledger) == State(expected.begin(), expected.end())));
  }
  for (const auto& [key, value] : expected) CHECK((ledger->read(key) == to_bytes(value)));
  if (backend.name == "memory") return;
  ledger.reset();
  ledger = backend.make(folder);
  CHECK((scan_all(*ledger) == State(expected.begin(), expected.end())));
}

TEST_CASE("what a look-up reads from the disk does not grow with the large values beside its key") {
  const auto backend = GENERATE(from_range(durable_backends()));
  CAPTURE(backend.name);
  const Folder folder;
  const auto ledger = backend.make(folder);
  LedgerBatch batch;
  for (int i = 0; i < 200; ++i) batch.writes.push_back(put("job/" + std::to_string(1000 + i), std::string(300, 'r')));
  for (int i = 0; i < 200; i += 40)
    batch.writes.push_back({"job/" + std::to_string(1000 + i) + "/result", Bytes(8u << 20, 'L')});
  REQUIRE(ledger->commit(batch));
  const auto before = bytes_read();
  if (!before) SKIP("this kernel does not count what a process reads (/proc/self/io)");
  for (int i = 7; i < 200; i += 10) CHECK(ledger->read("job/" + std::to_string(1000 + i))->has_value());
  CHECK(*bytes_read() - *before < (1u << 20));
  // Nor does what a write of another key reads.
  REQUIRE(ledger->commit({.leaves = {}, .writes = {put("job/1041", "new"), put("job/1042", "new")}}));
  CHECK(*bytes_read() - *before < (2u << 20));
}

TEST_CASE("a scan visits the keys of a prefix in byte order, also around 0xff") {
  FOR_EACH_LEDGER(ledger);
  const std::vector<std::string> keys = {"",     "a",        "a/",        "a/1",       "a/10",     "a/2",
                                         "a0",   "a\xff",    "a\xff\x01", "a\xff\xff", "b",        "\x7f",
                                         "\x80", "\xfe\xff", "\xff",      "\xff\xfe",  "\xff\xff", "\xff\xff\x01"};
  LedgerBatch batch;
  for (auto at = keys.rbegin(); at != keys.rend(); ++at) batch.writes.push_back(put(*at, *at));
  REQUIRE(ledger.commit(batch));
  std::vector<std::string> prefixes = keys;
  for (const char* other : {"a/1x", "c", "\xff\xff\xff", "a\xfe"}) prefixes.emplace_back(other);
  for (const std::string& prefix : prefixes) {
    State expected;
    for (const std::string& key : keys)
      if (key.starts_with(prefix)) expected.emplace_back(key, key);
    std::ranges::sort(expected, [](const auto& a, const auto& b) {
      return std::ranges::lexicographical_compare(as_bytes(a.first), as_bytes(b.first));
    });
    CAPTURE(to_hex(as_bytes(prefix)));
    CHECK(scan_all(ledger, prefix) == expected);
  }
}

TEST_CASE("a scan stops when its visitor has seen enough") {
  FOR_EACH_LEDGER(ledger);
  REQUIRE(ledger.commit({.leaves = {}, .writes = {put("1", ""), put("2", ""), put("3", "")}}));
  std::vector<std::string> seen;
  CHECK(ledger.scan("", [&](std::string_view key, ByteView) {
    seen.emplace_back(key);
    return seen.size() < 2;
  }));
  CHECK(seen == std::vector<std::string>{"1", "2"});
}

TEST_CASE("a visitor may use the ledger, even change it, and still sees the state the scan began with") {
  FOR_EACH_LEDGER(ledger);
  REQUIRE(ledger.commit({.leaves = {}, .writes = {put("1", "a"), put("2", "b"), put("3", "c")}}));
  State seen;
  CHECK(ledger.scan("", [&](std::string_view key, ByteView value) {
    seen.emplace_back(key, to_text(value));
    CHECK(ledger.read("1") == to_bytes("a"));
    CHECK(ledger.commit({.leaves = {to_bytes(key)}, .writes = {put("3", "changed"), put("4", "new")}}));
    CHECK(scan_all(ledger, "4") == State{{"4", "new"}});
    return true;
  }));
  CHECK(seen == State{{"1", "a"}, {"2", "b"}, {"3", "c"}});
  CHECK(ledger.head().size == 3);
}

TEST_CASE("values larger than a page, and thousands of keys, come back whole") {
  FOR_EACH_LEDGER(ledger);
  LedgerBatch batch;
  State expected;
  for (int i = 1000; i < 4000; ++i) {
    expected.emplace_back("key/" + std::to_string(i),
                          std::string(static_cast<std::size_t>(i % 7 == 0 ? i * 5 : i % 50), static_cast<char>('a' + i % 26)));
    batch.writes.push_back(put(expected.back().first, expected.back().second));
  }
  REQUIRE(ledger.commit(batch));
  CHECK(scan_all(ledger) == expected);
  REQUIRE(ledger.commit({.leaves = {}, .writes = {put("key/1000", std::string(1 << 20, 'x')), drop("key/1001")}}));
  CHECK(ledger.read("key/1000").value()->size() == 1 << 20);
  CHECK(scan_all(ledger, "key/1").size() == 999);
}
