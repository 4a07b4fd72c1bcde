// A hub that runs another program than the one that was meant, under the same name and version.
#include "lies.hpp"

namespace forgepool {
namespace {

using testing::named;
using testing::Story;

/// Told with `tally@1` as the hub has it; the contract says which package that has to be, if `digest` says it.
Story told(const std::string& digest = "") {
  json::Object op{{"name", "tally"}, {"version", "1"}, {"profile", "tally.v1"}};
  if (!digest.empty()) op.set("digest", digest);
  Story story({{"verify", "full"}, {"replicas", 2}}, "tally.v1", {{"items", 5}}, {{"op", std::move(op)}});
  story.tell();
  return story;
}

std::string root_with(const Story& story, std::vector<Digest> adapters) {
  auto root = *wire::read_trusted_root(story.root());
  root.adapters = std::move(adapters);
  return wire::write_trusted_root(root);
}

const Digest other = sha256("another package");

}  // namespace

TEST_CASE("a program other than the contract's op.digest is refused") {
  named(told(other.str()), "adapter_not_asked_for");
}

TEST_CASE("a program that the trusted root does not list is refused") {
  const Story story = told();
  named(verify_bundle(story.document(), root_with(story, {other, sha256("a third")})), "adapter_not_listed");
}

TEST_CASE("a program other than the auditor's is refused") {
  const Story story = told();
  named(verify_bundle(story.document(), story.root(), {.adapter = other}), "adapter_not_yours");
}

TEST_CASE("a program that nobody pinned is said to be the hub's choice, one that somebody did is not") {
  const Story story = told();
  const Digest adapter = story.adapter->digest();
  const auto open = story.verify();
  REQUIRE(open);
  REQUIRE(open->unpinned.size() == 1);
  CHECK(open->unpinned[0].find("tally@1 is " + adapter.str() + " was the hub's choice") != std::string::npos);

  for (const auto& pinned : {told(adapter.str()).verify(), verify_bundle(story.document(), root_with(story, {other, adapter})),
                             verify_bundle(story.document(), story.root(), {.adapter = adapter})}) {
    REQUIRE(pinned);
    CHECK(pinned->unpinned.empty());
    CHECK(pinned->complete());
  }
}

}  // namespace forgepool
