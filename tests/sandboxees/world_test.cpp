/// The world of strict programs has a version (src/sandbox/strict/WORLD.md), and this pins it: tests/sandboxees/world asks some
/// thousand questions. Who changes an answer gives the world another number; results of two worlds are not comparable.
#include "sandbox_support.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdio>
#include <fstream>
#include <sstream>

namespace forgepool::sandbox_test {
namespace {

/// SHA-256 of what `world` prints, which is in world_1.answers, too.
constexpr std::uint32_t pinned_world = 1;
constexpr const char* pinned_answers = "0a2b30faae45825719ae510d9ebf2af100ac7885e246d49d104a14ecc5979bcd";

std::string answers(const std::string& owner = {}) {
  auto request = request_for("world");
  request.determinism = Determinism::strict;
  request.seed = sha256("the world's seed");
  request.owner = owner;
  request.limits = {};
  request.limits.stdio_bytes = 1u << 20;
  const auto report = linux_sandbox().run(request);
  INFO(describe(report.outcome) << ", after " << to_text(report.standard_output).size() << " bytes of answers");
  REQUIRE(report.outcome.ok());
  REQUIRE(report.determinism == Determinism::strict);
  return to_text(report.standard_output);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream{text};
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string expected_answers() {
  std::ifstream file(FORGEPOOL_WORLD_ANSWERS, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The first lines that differ, with the question before them that they belong to.
std::string differences(const std::string& expected, const std::string& found) {
  const auto left = lines_of(expected), right = lines_of(found);
  std::string text;
  int shown = 0;
  for (std::size_t i = 0; i < std::max(left.size(), right.size()) && shown < 20; ++i) {
    const auto& a = i < left.size() ? left[i] : std::string("nothing");
    const auto& b = i < right.size() ? right[i] : std::string("nothing");
    if (a == b) continue;
    text += std::to_string(i + 1) + ": \"" + a + "\" became \"" + b + "\"\n";
    ++shown;
  }
  return text;
}

TEST_CASE("the world answers every question as its version says", "[determinism][world]") {
  CHECK(linux_sandbox().world() == pinned_world);
  CHECK(strict_world == pinned_world);
  const auto found = answers();
  if (const char* file = std::getenv("FORGEPOOL_WRITE_ANSWERS")) std::ofstream(file, std::ios::binary) << found;
  CHECK(lines_of(found).size() > 1000);
  INFO(differences(expected_answers(), found));
  CHECK(sha256(found).hex() == pinned_answers);
}

TEST_CASE("the answers that are pinned are the ones to read", "[world]") {
  CHECK(sha256(expected_answers()).hex() == pinned_answers);
}

TEST_CASE("the world is the same in a box for one run, in a prepared one, and in one that others have had",
          "[determinism][world]") {
  const auto first = answers();
  for (int run = 0; run < 4; ++run) {
    const auto again = answers("an owner");
    INFO(differences(first, again));
    CHECK(again == first);
  }
}

}  // namespace
}  // namespace forgepool::sandbox_test
