// A hub that is killed while it erases a job has not begun, or completes it when it is back: whatever the moment.
#include "../support/data_directory.hpp"
#include "../support/hub_parts.hpp"
#include "process_pool.hpp"

#include <forgepool/backends/file_key_store.hpp>
#include <forgepool/defaults.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/catch_tostring.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <climits>
#include <filesystem>
#include <fstream>
#include <set>

using namespace forgepool_test;
using forgepool::Bytes;
using forgepool::LedgerStore;
using forgepool::test::Contents;
using forgepool::test::must;
using nlohmann::json;

namespace {

/// Names, sizes and times of files: other ones after every write. Files may come and go meanwhile.
using Traces = std::map<std::string, std::pair<std::uintmax_t, std::filesystem::file_time_type>>;
Traces traces_of(const std::string& directory) {
  Traces traces;
  std::error_code gone;
  for (std::filesystem::recursive_directory_iterator at(directory, gone), end; !gone && at != end; at.increment(gone)) {
    std::error_code ignored;
    const auto size = at->file_size(ignored);
    traces[at->path().string()] = {size, at->last_write_time(ignored)};
  }
  return traces;
}

class Erasing {
 public:
  struct Doomed {
    std::string id, trace;
    std::vector<std::string> salts;
    std::vector<Bytes> ciphertext;
  };

  explicit Erasing(LedgerStore store) : store_(store) {
    start();
    pool_.start_agent("agent");
  }

  void start() { pool_.start_hub({"--ledger", store_ == LedgerStore::tiles ? "tiles" : "sqlite"}); }
  std::string hub() const { return pool_.path("hub"); }

  Doomed run_job() {
    Doomed job;
    job.trace = "SINGULAR-TRACE-" + std::to_string(++jobs_) + "-5d07c2";
    job.id = pool_
                 .cli({"submit",
                       pool_.contract({{"ctx", {{"trace_id", job.trace}}},
                                       {"op", {{"name", "noop"}, {"version", "1"}, {"profile", "noop.v1"}}},
                                       {"args", {{"shards", 4}}},
                                       {"policy", {{"verify", "none"}, {"timeout_ms", 120000}}},
                                       {"artifacts", {{"persist", true}, {"include", {"result", "shard_outputs"}}}}}),
                       "--wait"})
                 .at("job");
    job.salts = forgepool::test::salts_of(bundle(job.id));
    return job;
  }

  /// What stands on the disk of these jobs, and is found there by the search that later finds nothing.
  void look_at(std::vector<Doomed>& jobs) {
    pool_.stop_hub();
    std::shared_ptr<forgepool::KeyStore> keys =
        must(forgepool::open_file_key_store({forgepool::hub_identity_directory(hub())}));
    const auto identity = must(forgepool::open_hub_identity(std::move(keys), std::chrono::system_clock::now()));
    const auto ledger = must(forgepool::open_hub_ledger(hub(), identity, store_));
    const Contents there(hub());
    for (Doomed& job : jobs) {
      job.ciphertext = forgepool::test::ciphertext_of(*ledger, must(forgepool::JobId::parse(job.id)));
      REQUIRE(job.ciphertext.size() > 8);
      for (const auto& needle : job.ciphertext) CHECK_FALSE(there.files_with(needle).empty());
    }
  }

  /// Asks for it, and kills the hub as soon as its files were seen to change so many times; true if the answer came before
  /// that.
  bool kill_during_erasure(const Doomed& job, unsigned changes) {
    content_keys_ = content_keys();
    const std::string answer = pool_.path("answer-" + job.id);
    Process request({programs + "/forgepool", "--json", "--hub", pool_.address(), "--credentials", pool_.path("hub/operator"),
                     "erase", job.id},
                    {answer, std::nullopt});
    Traces last = traces_of(hub());
    for (unsigned seen = 0; seen < changes && request.running();) {
      Traces now = traces_of(hub());
      seen += now != last;
      last = std::move(now);
    }
    pool_.kill_hub();
    request.kill();
    std::ifstream file(answer);
    return json::parse(file, nullptr, false) == json{{"erased", true}};
  }

  bool is_erased(const Doomed& job) {
    const auto status = pool_.cli_text({"--json", "status", job.id});
    INFO(status.output << status.errors << pool_.logs());
    if (status.code == 0) return false;
    REQUIRE(json::parse(status.output).at("error").dump().find("erased: job " + job.id) != std::string::npos);
    return true;
  }

  /// The key that wrapped the keys of what was erased is the last to go.
  void wait_for_disposal() {
    const bool disposed = eventually([&] {
      const auto now = content_keys();
      return std::ranges::none_of(content_keys_, [&](const std::string& key) { return now.contains(key); });
    });
    INFO("before the erasure: " << Catch::StringMaker<std::set<std::string>>::convert(content_keys_) << ", now: "
                                << Catch::StringMaker<std::set<std::string>>::convert(content_keys()) << pool_.logs());
    CHECK(disposed);
  }

  void check_gone(const Doomed& job) {
    REQUIRE_FALSE(pool_.hub_running());
    const Contents contents(hub());
    for (const auto& needle : job.ciphertext) CHECK(contents.files_with(needle).empty());
    for (const auto& salt : job.salts) CHECK(contents.files_with(salt).empty());
    CHECK(contents.files_with(job.trace).empty());
    CHECK(pool_.cli({"ledger", "fsck", "--data", hub()}).at("sound") == true);
  }

  void check_proved(const Doomed& job) {
    bundle(job.id);
    CHECK(pool_.cli({"verify", pool_.path("bundle.json"), "--root", pool_.path("hub/identity/root.json")}).at("verified") ==
          true);
  }

  ProcessPool& pool() { return pool_; }

 private:
  std::string bundle(const std::string& job) {
    pool_.cli({"bundle", job, "--output", pool_.path("bundle.json")});
    return forgepool::to_text(forgepool::test::read_file(pool_.path("bundle.json")));
  }

  std::set<std::string> content_keys() const {
    std::set<std::string> names;
    for (const auto& [path, trace] : traces_of(forgepool::hub_identity_directory(hub())))
      if (const auto name = std::filesystem::path(path).filename().string(); name.starts_with("content-")) names.insert(name);
    return names;
  }

  const LedgerStore store_;
  ProcessPool pool_;
  std::set<std::string> content_keys_;  ///< Before the erasure.
  int jobs_ = 0;
};

}  // namespace

TEST_CASE("a hub killed during an erasure has not begun it, or completes it after its restart, and all else stays proved") {
  Erasing erasing(GENERATE(LedgerStore::sqlite, LedgerStore::tiles));
  const auto survivor = erasing.run_job();
  // At once, after so many writes, and after the answer.
  const std::vector<unsigned> moments{0, 2, 4, 6, 7, 8, 9, 10, 12, UINT_MAX};
  std::vector<Erasing::Doomed> jobs;
  for (std::size_t i = 0; i < moments.size(); ++i) jobs.push_back(erasing.run_job());
  erasing.look_at(jobs);
  erasing.start();
  for (std::size_t i = 0; i < moments.size(); ++i) {
    CAPTURE(moments[i]);
    const auto& job = jobs[i];
    const bool answered = erasing.kill_during_erasure(job, moments[i]);
    if (moments[i] == UINT_MAX) REQUIRE(answered);
    // What was said to be done is, whatever comes.
    if (answered) erasing.check_gone(job);
    erasing.start();
    if (erasing.is_erased(job)) {
      erasing.wait_for_disposal();
      erasing.pool().stop_hub();
      erasing.check_gone(job);
      erasing.start();
      CHECK(erasing.is_erased(job));
    } else {
      CHECK_FALSE(answered);
      erasing.check_proved(job);
    }
    erasing.check_proved(survivor);
  }
}
