/// The official test data of RFC 8785.
#include "wire/json.hpp"

#include <catch2/catch_test_macros.hpp>

#include <bit>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace forgepool;

namespace {

const std::filesystem::path vectors = std::filesystem::path(FORGEPOOL_VECTORS_DIR) / "jcs";

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("canonical form agrees with the published files") {
  if (!std::filesystem::exists(vectors)) SKIP("no vectors in " << vectors);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(vectors / "input")) {
    INFO(entry.path());
    const auto value = json::parse(read(entry.path()), 1 << 20);
    REQUIRE(value.has_value());
    const std::string canonical = json::canonicalize(*value);
    CHECK(canonical == read(vectors / "output" / entry.path().filename()));

    std::istringstream hex(read(vectors / "outhex" / entry.path().stem().concat(".txt")));
    std::string bytes;
    for (unsigned byte; hex >> std::hex >> byte;) bytes.push_back(static_cast<char>(byte));
    CHECK(canonical == bytes);
    CHECK(json::parse_canonical(canonical, 1 << 20).has_value());
    ++files;
  }
  CHECK(files == 6);
}

TEST_CASE("numbers are written as ECMAScript writes them") {
  if (!std::filesystem::exists(vectors)) SKIP("no vectors in " << vectors);
  std::ifstream file(vectors / "es6testfile-first-10000.txt");
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    const std::size_t comma = line.find(',');
    std::uint64_t bits = 0;
    std::from_chars(line.data(), line.data() + comma, bits, 16);
    const auto value = std::bit_cast<double>(bits);
    const std::string expected = line.substr(comma + 1);
    if (json::number_to_string(value) != expected) FAIL(line << " was written as " << json::number_to_string(value));
    if (json::canonicalize(json::Value(value)) != expected)
      FAIL(line << " as a value is " << json::canonicalize(json::Value(value)));
    const auto back = json::parse(expected, 100);
    if (!back || back->as_number() != value) FAIL("does not read back: " << line);
  }
  CHECK(lines == 10'000);
}
