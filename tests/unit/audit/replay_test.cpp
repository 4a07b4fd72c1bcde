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
    CHECK((*replayed)[i].agrees == true);
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
    CHECK((*replayed)[0].agrees == false);
    CHECK((*replayed)[0].replayed == sha256(testing::tally_output(3)));
  }
  SECTION("a crash") {
    sandbox.outcome = {SandboxOutcome::Kind::signalled, 11, ""};
    const auto replayed = replay_bundle(story.document(), {1}, sandbox, {});
    REQUIRE(replayed);
    CHECK_FALSE((*replayed)[0].identical());
    CHECK_FALSE((*replayed)[0].agrees);
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

TEST_CASE("a whole replay is reduced, too, and its result compared") {
  Story story;
  story.tell();
  TallySandbox sandbox;
  const std::string document = story.document();
  auto replayed = replay_bundle(document, {}, sandbox, {});
  REQUIRE(replayed);
  const auto result = reduce_replay(document, *replayed);
  if (!result) FAIL(result.error().message);
  CHECK(result->identical());
  CHECK(result->accepted == sha256(story.result));
  sandbox.off_by = 1;
  const auto other = reduce_replay(document, *replay_bundle(document, {}, sandbox, {}));
  REQUIRE(other);
  CHECK_FALSE(other->identical());
  CHECK(other->accepted == sha256(story.result));
  const auto refused = [&](const std::vector<ReplayedShard>& shards) {
    CHECK(reduce_replay(document, shards).error().kind == ErrorKind::invalid_input);
  };
  refused({});
  refused({replayed->at(0), replayed->at(1)});
  refused({replayed->at(0), replayed->at(1), replayed->at(1)});
  refused({replayed->at(0), replayed->at(1), replayed->at(2), replayed->at(2)});
  replayed->at(2).index = 3;
  refused(*replayed);
  replayed->at(2).index = 2;
  replayed->at(2).report.outcome = {SandboxOutcome::Kind::signalled, 9, ""};
  refused(*replayed);
}

TEST_CASE("a sample is drawn by the log's head and a nonce: the same for everybody, another for another nonce") {
  Story story({{"verify", "none"}}, "tally.v1", {{"items", 200}});
  story.contract_event();
  story.plan_event();
  std::map<std::uint32_t, Bytes> outputs;
  for (std::uint32_t shard = 0; shard < 100; ++shard) outputs.emplace(shard, story.right(shard));
  story.receipt("alice", "l-a", outputs);
  for (std::uint32_t shard = 0; shard < 100; ++shard)
    story.verdict(shard, story.right(shard), {{"alice", "l-a", story.right(shard)}});
  story.result_event();
  const std::string document = story.document();
  const auto drawn = sample_shards(document, 10, "nonce");
  REQUIRE(drawn);
  CHECK(drawn->size() == 10);
  CHECK(std::ranges::is_sorted(*drawn));
  CHECK(std::ranges::adjacent_find(*drawn) == drawn->end());
  CHECK(drawn->back() < 100);
  CHECK(*sample_shards(document, 10, "nonce") == *drawn);
  CHECK(*sample_shards(document, 10, "another") != *drawn);
  // By hand, as the header says.
  const std::string checkpoint = story.bundle().checkpoint;
  const std::string head = checkpoint.substr(0, checkpoint.find("\n\n") + 1);
  const auto rank = [&](std::uint32_t shard) {
    Bytes bytes = to_bytes(head);
    for (const auto byte : sha256("nonce").bytes) bytes.push_back(byte);
    for (const char c : std::to_string(shard)) bytes.push_back(static_cast<std::uint8_t>(c));
    return sha256(bytes);
  };
  for (std::uint32_t shard = 0; shard < 100; ++shard) {
    const bool in = std::ranges::binary_search(*drawn, shard);
    const auto smaller = std::ranges::count_if(*drawn, [&](std::uint32_t other) { return rank(other) < rank(shard); });
    CHECK(in == (smaller < 10));
  }
  // The log has grown since: another sample, that nobody could foresee.
  story.ledger().commit({{to_bytes("more")}, {}}).value();
  CHECK(*sample_shards(story.document(), 10, "nonce") != *drawn);
  CHECK(sample_shards(document, 1000, "nonce")->size() == 100);
  CHECK(sample_shards(document, 0, "nonce")->empty());
  CHECK_FALSE(sample_shards("{}", 1, "nonce"));
}

TEST_CASE("what is no bundle cannot be replayed") {
  TallySandbox sandbox;
  CHECK_FALSE(replay_bundle("{}", {}, sandbox, {}));
}

}  // namespace forgepool
