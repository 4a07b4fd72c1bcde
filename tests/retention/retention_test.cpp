// What is kept for how long: inputs until their jobs end, results and evidence as long as was agreed, and all of it while held.
#include "disk_pool.hpp"

#include <forgepool/audit.hpp>

#include <nlohmann/json.hpp>

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;

namespace {

template <class T>
bool is_erased(const Result<T>& answer) {
  return !answer && answer.error().kind == ErrorKind::not_found && answer.error().message.starts_with("erased: ");
}

std::size_t count_keys(const Ledger& ledger, std::string_view prefix) {
  std::size_t count = 0;
  REQUIRE(ledger.scan(prefix, [&](std::string_view, ByteView) { return ++count, true; }));
  return count;
}

std::vector<std::string> kinds_in(const Ledger& ledger) {
  std::vector<std::string> kinds;
  for (std::uint64_t i = 0; i < ledger.head().size; ++i) {
    const auto leaf = nlohmann::json::parse(to_text(must(ledger.leaf(i))));
    kinds.push_back(leaf.at("kind").get<std::string>());
  }
  return kinds;
}

Result<std::string> result(DiskPool& pool, const JobId& job) {
  return pool.call<std::string>([&](auto done) { pool.owner().result(job, done); });
}

}  // namespace

TEST_CASE("inputs go when the last job that needs them ends, unless they were uploaded anew") {
  testing::VirtualEventLoop loop;
  const TemporaryDirectory directory;
  DiskPool pool(loop, directory.path(), LedgerStore::sqlite);
  pool.start_agent();
  const JobId first = pool.run_job();
  CHECK(count_keys(pool.ledger(), "input/") == 0);
  CHECK(count_keys(pool.ledger(), "input_secret/") == 0);
  CHECK(count_keys(pool.ledger(), "input_owner/") == 0);
  CHECK(std::ranges::count(kinds_in(pool.ledger()), "retention") == 1);
  CHECK(result(pool, first));
  // The evidence says so, and holds.
  CHECK(must(pool.bundle(first)).find(R"(\"deleted\":\"inputs\")") != std::string::npos);
  CHECK(verify_bundle(must(pool.bundle(first)), pool.root()));

  const auto again = pool.submit();
  CHECK(again.error().kind == ErrorKind::invalid_input);
  CHECK(again.error().message.find("the job that you did it for is over") != std::string::npos);

  // Kept on request, and shared by two jobs: they go with the later one.
  pool.run_job(R"({"inputs_ms":60000})");
  CHECK(count_keys(pool.ledger(), "input/") == 2);
  pool.run_job(R"({"inputs_ms":120000})");
  loop.advance(61s);
  CHECK(count_keys(pool.ledger(), "input/") == 2);
  loop.advance(61s);
  CHECK(count_keys(pool.ledger(), "input/") == 0);
  // And from the disk within a minute.
  loop.advance(61s);
  CHECK(count_keys(pool.ledger(), "disposal") == 0);
}

TEST_CASE("an upload that no job names is deleted after a day, and that is an entry") {
  testing::VirtualEventLoop loop;
  const TemporaryDirectory directory;
  DiskPool pool(loop, directory.path(), LedgerStore::sqlite);
  pool.upload();
  CHECK(count_keys(pool.ledger(), "input/") == 2);
  pool.stop_hub();
  pool.start_hub();
  loop.advance(23h);
  CHECK(count_keys(pool.ledger(), "input/") == 2);
  loop.advance(2h);
  CHECK(count_keys(pool.ledger(), "input/") == 0);
  CHECK(kinds_in(pool.ledger()) == std::vector<std::string>{"retention", "retention"});
}

TEST_CASE("results go before the evidence, and then the job is erased, each with an entry, also while the hub was down") {
  testing::VirtualEventLoop loop;
  const TemporaryDirectory directory;
  HubOptions options;
  options.retention.hub.standard = {0, 3'600'000, 7'200'000};
  DiskPool pool(loop, directory.path(), LedgerStore::tiles, options);
  pool.start_agent();
  const JobId with_result = pool.run_job("{}", R"(["result"])"), evidence_only = pool.run_job("{}", "[]");
  loop.advance(30min);
  CHECK(result(pool, with_result));
  CHECK(must(verify_bundle(must(pool.bundle(evidence_only)), pool.root())).complete());
  loop.advance(31min);
  CHECK(is_erased(result(pool, with_result)));
  CHECK(must(pool.status(pool.owner(), with_result)).results_deleted);
  CHECK(count_keys(pool.ledger(), "output/") == 0);
  CHECK(count_keys(pool.ledger(), "result/") == 0);
  // A bundle that holds no result still proves everything but what it says that nobody can check any more.
  CHECK(is_erased(pool.bundle(with_result)));
  const auto report = must(verify_bundle(must(pool.bundle(evidence_only)), pool.root()));
  REQUIRE(report.unchecked.size() == 1);
  CHECK(report.unchecked[0].detail.find("the hub has deleted them") != std::string::npos);

  pool.stop_hub();
  loop.advance(2h);
  pool.start_hub();
  loop.advance(1min);
  CHECK(is_erased(pool.status(pool.owner(), with_result)));
  CHECK(is_erased(pool.status(pool.owner(), evidence_only)));
  CHECK(std::ranges::count(kinds_in(pool.ledger()), "erasure") == 2);
  // Nobody needs it any more to replay anything.
  CHECK(count_keys(pool.ledger(), "adapter/") == 0);
  pool.start_agent();  // The certificate of the one before has run out.
  CHECK(pool.run_job().str().size() > 4);
}

TEST_CASE("what is held outlives its time, and goes when it is released") {
  testing::VirtualEventLoop loop;
  const TemporaryDirectory directory;
  DiskPool pool(loop, directory.path(), LedgerStore::sqlite);
  pool.start_agent();
  const JobId job = pool.run_job(R"({"results_ms":60000,"evidence_ms":60000})", R"(["result"])");
  CHECK(must(pool.hold(pool.owner(), job, true)).held);
  loop.advance(48h);
  CHECK(result(pool, job));
  CHECK(verify_bundle(must(pool.bundle(job)), pool.root()));
  CHECK_FALSE(must(pool.hold(pool.owner(), job, false)).held);
  loop.advance(1min);
  CHECK(is_erased(pool.status(pool.owner(), job)));
  const auto kinds = kinds_in(pool.ledger());
  CHECK(std::ranges::count(kinds, "hold") == 1);
  CHECK(std::ranges::count(kinds, "release") == 1);
}

TEST_CASE("a contract asks within what hub, project and data class allow") {
  RetentionRules rules;
  rules.hub.standard = {0, 1000, 5000};
  rules.hub.most = {100, 2000, 10'000};
  rules.projects["claims/"] = {{50, 500, 600}, {60, 700, 800}};
  rules.data_classes["pci"] = {0, 300, 10'000};
  CHECK(resolve_retention(rules, "bob", "", {}) == Retention{0, 1000, 5000});
  CHECK(resolve_retention(rules, "bob", "", {100, 2000, 10'000}) == Retention{100, 2000, 10'000});
  CHECK(resolve_retention(rules, "claims/", "", {}) == Retention{50, 500, 600});
  CHECK(resolve_retention(rules, "bob", "pci", {}) == Retention{0, 300, 5000});
  CHECK(resolve_retention(rules, "bob", "", {{}, {}, 400}) == Retention{0, 400, 400});
  const auto refusal = [&](std::string_view owner, std::string_view data_class, const RetentionRequest& request) {
    const auto resolved = resolve_retention(rules, owner, data_class, request);
    return resolved ? std::string() : resolved.error().message;
  };
  CHECK(refusal("bob", "", {101, {}, {}}) == "/policy/retention/inputs_ms: this hub keeps that 100 ms at most, got 101");
  CHECK(refusal("claims/", "", {{}, 701, {}}).find("this hub, for claims/, keeps that 700 ms at most") != std::string::npos);
  CHECK(refusal("bob", "pci", {{}, 301, {}}).find("for data of the class pci, keeps that 300 ms at most") != std::string::npos);
  CHECK(refusal("bob", "", {{}, 2000, 1500}).find("nothing is kept longer than the evidence") != std::string::npos);
}

TEST_CASE("a hub refuses contracts that ask for more than it keeps") {
  testing::VirtualEventLoop loop;
  const TemporaryDirectory directory;
  HubOptions options;
  options.retention.hub.most = {0, 1000, 1000};
  options.retention.hub.standard = {0, 1000, 1000};
  DiskPool pool(loop, directory.path(), LedgerStore::sqlite, options);
  pool.upload();
  CHECK(pool.submit(R"({"inputs_ms":1})").error().message.starts_with("/policy/retention/inputs_ms: "));
  CHECK(pool.submit(R"({"evidence_ms":"long"})").error().message.starts_with("/policy/retention/evidence_ms: "));
  CHECK(pool.submit(R"({"logs_ms":1})").error().message.starts_with("/policy/retention/logs_ms: "));
}

TEST_CASE("evidence that is to be kept for longer than times can say is kept, whatever else goes") {
  testing::VirtualEventLoop loop;
  const TemporaryDirectory directory;
  DiskPool pool(loop, directory.path(), LedgerStore::sqlite);
  pool.start_agent();
  // In nanoseconds these are more than 2^63, multiples of 2^64 and little more, and just below what means for ever.
  for (const char* long_ms : {"10000000000000", "18446744073710", "9223372036855", "9007199254740990", "9007199254740991"}) {
    const std::string kept = long_ms;
    const JobId job = pool.run_job(R"({"inputs_ms":1000,"results_ms":1000,"evidence_ms":)" + kept + "}", "[]");
    loop.advance(10min);
    INFO(kept);
    CHECK(is_erased(result(pool, job)));
    CHECK(verify_bundle(must(pool.bundle(job)), pool.root()));
    CHECK(count_keys(pool.ledger(), "job/" + job.str()) == 1);
  }
  // And so are results and inputs.
  const JobId all = pool.run_job(R"({"inputs_ms":10000000000000,"results_ms":10000000000000,"evidence_ms":10000000000000})");
  loop.advance(24h);
  CHECK(result(pool, all));
  CHECK(count_keys(pool.ledger(), "input/") == 2);
}
