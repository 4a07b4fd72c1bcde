/// Replaying shards of a bundle in a sandbox of the auditor's own.
#include "story.hpp"

#include <catch2/catch_test_macros.hpp>

namespace forgepool {
namespace {

using testing::Story;

/// Computes tally shards as told, and remembers what it was asked to run.
class TallySandbox final : public Sandbox {
 public:
  std::string_view name() const override { return "tally"; }
  SandboxLevel level() const override { return SandboxLevel::none; }
  SandboxReport run(const SandboxRequest& request) override {
    requests.push_back(request);
    SandboxReport report;
    report.outcome = outcome;
    if (!outcome.ok()) return report;
    const auto params = json::parse(as_text(*request.files.at(0).content), 10'000);
    REQUIRE(params);
    const json::Object& range = *params->as_object()->find("range")->as_object();
    const std::int64_t begin = *range.find("begin")->as_integer(), end = *range.find("end")->as_integer();
    report.outputs.emplace(std::string(shard_output_name),
                           testing::tally_output(static_cast<std::uint64_t>(end - begin + off_by)));
    return report;
  }

  SandboxOutcome outcome{SandboxOutcome::Kind::exited, 0, ""};
  std::int64_t off_by = 0;
  std::vector<SandboxRequest> requests;
};

}  // namespace

TEST_CASE("a replay of all shards runs what the plan says and finds the accepted results") {
  Story story;
  story.tell();
  TallySandbox sandbox;
  const auto replayed = replay_bundle(story.document(), {}, sandbox, {});
  if (!replayed) FAIL(replayed.error().message);
  REQUIRE(replayed->size() == 3);
  for (std::uint32_t i = 0; i < 3; ++i) {
    CHECK((*replayed)[i].index == i);
    CHECK((*replayed)[i].accepted == sha256(story.right(i)));
    CHECK((*replayed)[i].identical());
    CHECK(as_text(*sandbox.requests[i].files[0].content) == story.plan.shards[i].params);
    CHECK(sandbox.requests[i].files[0].name == "params.json");
    CHECK(sandbox.requests[i].program_digest == story.adapter->program_digest());
    CHECK(sandbox.requests[i].limits == story.plan.limits);
  }
}

TEST_CASE("a replay of named shards runs those, in that order") {
  Story story;
  story.tell();
  TallySandbox sandbox;
  const auto replayed = replay_bundle(story.document(), {2, 0}, sandbox, {});
  REQUIRE(replayed);
  REQUIRE(replayed->size() == 2);
  CHECK((*replayed)[0].index == 2);
  CHECK((*replayed)[1].index == 0);
}

TEST_CASE("a replay that gives something else, or ends badly, is not identical") {
  Story story;
  story.tell();
  TallySandbox sandbox;
  SECTION("another output") {
    sandbox.off_by = 1;
    const auto replayed = replay_bundle(story.document(), {1}, sandbox, {});
    REQUIRE(replayed);
    CHECK_FALSE((*replayed)[0].identical());
    CHECK((*replayed)[0].replayed == sha256(testing::tally_output(3)));
  }
  SECTION("a crash") {
    sandbox.outcome = {SandboxOutcome::Kind::signalled, 11, ""};
    const auto replayed = replay_bundle(story.document(), {1}, sandbox, {});
    REQUIRE(replayed);
    CHECK_FALSE((*replayed)[0].identical());
    CHECK((*replayed)[0].replayed == Digest{});
  }
}

TEST_CASE("a replay of a shard that does not exist is refused before anything runs") {
  Story story;
  story.tell();
  TallySandbox sandbox;
  const auto replayed = replay_bundle(story.document(), {0, 3}, sandbox, {});
  REQUIRE_FALSE(replayed);
  CHECK(replayed.error().kind == ErrorKind::not_found);
  CHECK(sandbox.requests.empty());
}

TEST_CASE("a replay needs the job's inputs, which bundles do not hold") {
  const Bytes data = to_bytes("customer data");
  Story story({{"verify", "full"}}, "data.v1", {{"items", 5}, {"data", sha256(data).str()}});
  story.tell();
  REQUIRE(story.verify());
  TallySandbox sandbox;
  SECTION("given, they are put in front of the program") {
    const auto replayed = replay_bundle(story.document(), {1}, sandbox, [&](const Digest& digest) {
      return digest == sha256(data) ? std::optional(data) : std::nullopt;
    });
    if (!replayed) FAIL(replayed.error().message);
    CHECK((*replayed)[0].identical());
    REQUIRE(sandbox.requests.at(0).files.size() == 2);
    CHECK(sandbox.requests[0].files[1].name == "data.bin");
    CHECK(*sandbox.requests[0].files[1].content == data);
  }
  SECTION("without them, the missing one is named") {
    for (const auto& replayed :
         {replay_bundle(story.document(), {}, sandbox, {}),
          replay_bundle(story.document(), {}, sandbox, [](const Digest&) { return std::optional<Bytes>(); })}) {
      REQUIRE_FALSE(replayed);
      CHECK(replayed.error().kind == ErrorKind::not_found);
      CHECK(replayed.error().message.starts_with("input data.bin of shard 0 (" + sha256(data).str() + ")"));
    }
  }
  SECTION("others are refused") {
    const auto replayed =
        replay_bundle(story.document(), {}, sandbox, [](const Digest&) { return std::optional(to_bytes("other")); });
    REQUIRE_FALSE(replayed);
    CHECK(replayed.error().kind == ErrorKind::corrupt);
  }
  CHECK((sandbox.requests.empty() || sandbox.requests.size() == 1));
}

TEST_CASE("what is no bundle cannot be replayed") {
  TallySandbox sandbox;
  CHECK_FALSE(replay_bundle("{}", {}, sandbox, {}));
}

}  // namespace forgepool
