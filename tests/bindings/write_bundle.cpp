// Writes what the other languages check: the bundle of a whole job, told honestly, and the root to check it against.
#include "story.hpp"

#include <catch2/catch_test_macros.hpp>

#include <fstream>

namespace {

void write(const std::string& name, const std::string& content) {
  std::ofstream file(FORGEPOOL_BUNDLE_FOLDER "/" + name, std::ios::binary);
  file << content;
  file.close();
  REQUIRE(file);
}

}  // namespace

TEST_CASE("the bundle of a whole job can be written to a file") {
  forgepool::testing::Story story;
  story.tell();
  write("bundle.json", story.document());
  write("root.json", story.root());
}
