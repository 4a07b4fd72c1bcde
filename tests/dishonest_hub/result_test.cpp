// A hub that has honest answers in its ledger, and gives out another result.
#include "lies.hpp"

namespace forgepool {
namespace {

using testing::including;
using testing::named;
using testing::Story;

/// Everything is as it was but for one figure in what the hub says came out.
void raise_a_figure(Story& story) {
  const auto at = story.result.find(":5");
  REQUIRE(at != std::string::npos);
  story.result[at + 1] = '9';
}

Story told(const json::Array& include, bool raised) {
  Story story = including(include);
  story.tell_until_verdicts();
  story.tell_verdicts();
  if (raised) raise_a_figure(story);
  story.result_event();
  return story;
}

Result<AuditReport> verify_without_outputs(const Story& story, const AuditAids& aids = {}) {
  wire::Bundle bundle = story.bundle();
  bundle.outputs.reset();
  return verify_bundle(story.sign(bundle), story.root(), aids);
}

AuditAids with_outputs(const Story& story) {
  std::map<Digest, Bytes> outputs;
  const wire::Bundle bundle = story.bundle();
  for (const auto& [shard, output] : *bundle.outputs) outputs.emplace(sha256(output), output);
  AuditAids aids;
  aids.outputs = [outputs](const Digest& digest) -> std::optional<Bytes> {
    const auto found = outputs.find(digest);
    return found == outputs.end() ? std::nullopt : std::optional(found->second);
  };
  return aids;
}

const std::vector<json::Array> inclusions{json::Array{}, json::Array{"result"}, json::Array{"shard_outputs"},
                                          json::Array{"result", "shard_outputs"}};

}  // namespace

TEST_CASE("a result with a raised figure is refused, whatever the contract asks to include") {
  for (const auto& include : inclusions) {
    INFO(json::canonicalize(include));
    named(told(include, true), "result_not_reduced");
    const auto honest = told(include, false).verify();
    REQUIRE(honest);
    CHECK(honest->complete());
  }
}

TEST_CASE("a bundle without the outputs is not verified, and says what is missing and how the result is checked") {
  for (const bool raised : {false, true}) {
    const auto report = verify_without_outputs(told({"result"}, raised));
    REQUIRE(report);
    CHECK_FALSE(report->complete());
    REQUIRE(report->unchecked.size() == 1);
    CHECK(report->unchecked[0].name == "result");
    for (const char* told : {"that of shard 0 (sha256:", "did not put them into the bundle", "verify --outputs", "replay"})
      CHECK(report->unchecked[0].detail.find(told) != std::string::npos);
  }
}

TEST_CASE("an auditor who has the outputs checks the result of a bundle that holds none") {
  const Story honest = told({"result"}, false), raised = told({"result"}, true);
  const auto report = verify_without_outputs(honest, with_outputs(honest));
  REQUIRE(report);
  CHECK(report->complete());
  named(verify_without_outputs(raised, with_outputs(raised)), "result_not_reduced");
}

TEST_CASE("outputs that the auditor brings count by what they are, and one that is missing is named") {
  const Story story = told({"result"}, true);
  AuditAids aids = with_outputs(story);
  const Digest last = sha256(story.right(2));
  SECTION("none for one shard") {
    aids.outputs = [whole = aids.outputs, last](const Digest& digest) { return digest == last ? std::nullopt : whole(digest); };
  }
  SECTION("another one in its place") {
    aids.outputs = [whole = aids.outputs, last](const Digest& digest) {
      return digest == last ? std::optional(Story::wrong(2)) : whole(digest);
    };
  }
  const auto report = verify_without_outputs(story, aids);
  REQUIRE(report);
  REQUIRE(report->unchecked.size() == 1);
  CHECK(report->unchecked[0].detail.find("that of shard 2 (" + last.str() + ")") != std::string::npos);
}

TEST_CASE("a bundle whose outputs are not the accepted ones is refused, though they reduce to its result") {
  const Story story = told({"result"}, false);
  wire::Bundle bundle = story.bundle();
  std::swap(bundle.outputs->at(1), bundle.outputs->at(2));
  named(verify_bundle(story.sign(bundle), story.root()), "output_not_accepted");
}

TEST_CASE("outputs of some shards only are refused") {
  const Story story = told({"result"}, false);
  wire::Bundle bundle = story.bundle();
  bundle.outputs->erase(1);
  testing::refuses(verify_bundle(story.sign(bundle), story.root()), "/outputs: expected one for each of the 3 shards");
}

}  // namespace forgepool
