/// Random damage to everything that comes from outside: nothing may crash, hang, or be accepted with another meaning.
#include "sample_packages.hpp"

#include "wire/json.hpp"

#include <random>

using namespace forgepool;
using namespace forgepool::test;

namespace {

constexpr unsigned seed = 4711;

/// Cuts, copies and overwrites at random, with the bytes that matter in JSON.
std::string damage(std::string text, std::mt19937& random) {
  static const std::string alphabet = "{}[]\",:0123456789.eE-\\truefalsn \n/\x80\xff";
  for (auto edits = 1 + random() % 4; edits > 0 && !text.empty(); --edits) {
    const std::size_t place = random() % text.size();
    switch (random() % 5) {
      case 0: text[place] = alphabet[random() % alphabet.size()]; break;
      case 1: text.erase(place, 1 + random() % 16); break;
      case 2: text.insert(place, 1, alphabet[random() % alphabet.size()]); break;
      case 3: text.insert(place, text.substr(random() % text.size(), random() % 40)); break;
      default: text[place] = static_cast<char>(text[place] ^ (1 << random() % 8));
    }
  }
  return text;
}

}  // namespace

TEST_CASE("random damage to packages is refused or makes another package") {
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (const char* adapter : {"mc", "exec", "noop"}) {
    const auto whole = pack_adapter(manifest_of(adapter), tiny_elf());
    REQUIRE(whole.has_value());
    for (int round = 0; round < 3000; ++round) {
      const std::string text = damage(to_text(*whole), random);
      const auto package = open_adapter(to_bytes(text));
      if (package ? (*package)->digest() != sha256(text) : package.error().kind != ErrorKind::corrupt)
        FAIL("round " << round << " of " << adapter);
    }
  }
}

TEST_CASE("random damage to manifests is refused with a place, or makes an adapter that can plan") {
  INFO("seed " << seed);
  std::mt19937 random(seed);
  int packed = 0;
  const std::string manifest = json::canonicalize(*json::parse(manifest_of("mc"), 1 << 20));
  const Contract job = contract("mc", "eta.v1", R"({"iterations":10000,"base_ms":1,"traffic_sd_ms":1})");
  for (int round = 0; round < 5000; ++round) {
    const auto bytes = pack_adapter(damage(manifest, random), tiny_elf());
    if (!bytes) {
      if (bytes.error().kind != ErrorKind::invalid_input || bytes.error().message.find(": ") == std::string::npos)
        FAIL("round " << round);
      continue;
    }
    ++packed;
    const auto package = open_adapter(*bytes);
    if (!package) FAIL("packed but not opened: " << package.error().message);
    const auto plan = (*package)->plan(job);
    if (plan && parse_plan(plan->canonical()) != plan) FAIL("a plan that does not read back, round " << round);
  }
  CHECK(packed > 50);
}

TEST_CASE("random damage to plans is refused, or is another plan that reads back") {
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto plan = sample_package("mc")->plan(
      contract("mc", "eta.v1", R"({"iterations":100,"shard_iterations":30,"base_ms":1,"traffic_sd_ms":1})"));
  REQUIRE(plan.has_value());
  const std::string whole = plan->canonical();
  for (int round = 0; round < 10'000; ++round) {
    const std::string text = damage(whole, random);
    const auto read = parse_plan(text);
    if (!read && (read.error().kind != ErrorKind::invalid_input || read.error().message.empty())) FAIL("round " << round);
    if (read && (read->canonical() != text || (text != whole && *read == *plan))) FAIL("round " << round);
  }
}

TEST_CASE("random damage to shard outputs is refused, or is another output that reduces") {
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto package = sample_package("mc");
  const Contract job = contract("mc", "eta.v1", R"({"iterations":3,"base_ms":1,"traffic_sd_ms":1})");
  const std::string good =
      R"({"count":3,"format":"summary/1","histogram":[[1,2],[600,1]],"max":689,"min":1,"saturated":0,"sum":"691","sum_squares":"474723"})";
  REQUIRE(package->check_output(job, as_bytes(good)).has_value());
  for (int round = 0; round < 20'000; ++round) {
    const std::string text = damage(good, random);
    const auto checked = package->check_output(job, as_bytes(text));
    const auto reduced = package->reduce(job, {as_bytes(text)});
    if (checked.has_value() != reduced.has_value()) FAIL("check and reduce disagree on " << text);
    if (!checked && checked.error().kind != ErrorKind::corrupt) FAIL("round " << round);
  }
}
