/// What every verifier guarantees, checked on random sequences of calls. To check another backend, add it to `backends`.
#include <forgepool/backends/adaptive_verifier.hpp>
#include <forgepool/backends/boinc_verifier.hpp>
#include <forgepool/backends/duplication_verifier.hpp>
#include <forgepool/backends/majority_verifier.hpp>
#include <forgepool/testing/random.hpp>

#include <catch2/catch_test_macros.hpp>

#include "actions.hpp"
#include "checked_verifier.hpp"
#include "plain_verifier.hpp"

using namespace forgepool;
using namespace forgepool::testing;

namespace {

struct Backend {
  std::string name;
  VerifierFactory make;
};

const std::vector<Backend> backends{
    {"duplication", [] { return make_duplication_verifier(); }},
    {"duplication, tight limit", [] { return make_duplication_verifier({.max_executions = 4}); }},
    {"adaptive", [] { return make_adaptive_verifier(); }},
    {"adaptive, many canaries, tight limit", [] { return make_adaptive_verifier({.canary_ratio = 0.5, .max_executions = 6}); }},
    {"majority", [] { return make_majority_verifier({.agreeing = 3}); }},
    {"boinc", [] { return make_boinc_verifier({.trusted_after = 2}); }},
    {"plain", [] { return make_plain_verifier(); }},
};

ContractPolicy random_policy(Random& random) {
  ContractPolicy policy;
  policy.verify = static_cast<VerifyMode>(random.below(5));
  policy.max_error = random.chance(0.5) ? 0.05 : 1e-3;
  policy.adversary = {random.chance(0.5) ? 0.2 : 0.3, random.chance(0.3)};
  policy.replicas = static_cast<std::uint32_t>(random.between(1, 4));
  policy.spotcheck_ratio = static_cast<double>(random.below(5)) / 4;
  return policy;
}

/// A few jobs, and agents of whom some lie: each in its own way, or all the same.
class Workload {
 public:
  Workload(const VerifierFactory& make, std::uint64_t seed)
      : random_(seed), verifier_(make), liars_(random_.below(5)), collude_(random_.chance(0.5)) {
    for (std::uint64_t i = 0; i < agents; ++i)
      if (random_.chance(0.3)) verifier_.meet({agent(i), "operator-" + std::to_string(random_.below(3))});
  }

  void step() {
    switch (random_.below(22)) {
      case 0: begin(job()); break;
      case 1:
        if (random_.chance(0.1)) verifier_.quarantine(agent(random_.below(agents)));
        break;
      case 2:
        if (random_.chance(0.1)) verifier_.end(job());
        break;
      case 3:
        if (random_.chance(0.3)) verifier_.restart();
        break;
      case 4:
        if (random_.chance(0.3)) verifier_.pardon(agent(random_.below(agents)));
        break;
      default: answer({job(), static_cast<std::uint32_t>(random_.below(shards + 1))}, random_.below(agents)); break;
    }
  }

  /// Every execution that is asked for comes back, from honest agents nobody has heard of.
  void drain() {
    for (std::uint64_t fresh = agents;; ++fresh) {
      REQUIRE(fresh < 100'000);
      std::optional<ShardId> open;
      for (const auto& [id, shard] : verifier_.shards())
        if (!shard.verdict && (!shard.known || shard.answers.empty()) && shard.outstanding > 0) open = id;
      if (!open) break;
      answer(*open, fresh);
    }
    for (const auto& [id, shard] : verifier_.shards()) REQUIRE((shard.verdict || shard.known));
  }

 private:
  static constexpr std::uint64_t agents = 12, jobs = 4;
  static constexpr std::uint32_t shards = 5;

  JobId job() { return JobId("j" + std::to_string(random_.below(jobs))); }
  AgentId agent(std::uint64_t number) const { return AgentId("a" + std::to_string(number)); }
  void begin(const JobId& id) {
    std::array<std::uint8_t, 32> secret{};
    secret[0] = static_cast<std::uint8_t>(random_.next());
    VerifierJob job{id, shards, random_policy(random_), secret};
    if (random_.chance(0.25)) job.known.assign(shards, result('X'));
    verifier_.begin(job);
  }
  void answer(const ShardId& shard, std::uint64_t number) {
    const bool lies = number < liars_ && random_.chance(0.6);
    const bool failed = lies && random_.chance(0.4);
    const char said = !lies ? 'X' : failed ? 'F' : collude_ ? 'L' : static_cast<char>('a' + number);
    verifier_.answer({shard, agent(number), LeaseId("l" + std::to_string(random_.below(4))), result(said), failed});
  }

  Random random_;
  CheckedVerifier verifier_;
  const std::uint64_t liars_;
  const bool collude_;
};

}  // namespace

TEST_CASE("a verifier keeps its guarantees, and acts the same when called the same, through any sequence of calls") {
  for (const Backend& backend : backends)
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
      INFO("backend " << backend.name << ", seed " << seed);
      Workload workload(backend.make, seed);
      for (int i = 0; i < 200; ++i) workload.step();
    }
}

TEST_CASE("of a canary each shard is executed once: who returns what is known passed, who does not is caught, at once") {
  for (const Backend& backend : backends) {
    INFO("backend " << backend.name);
    CheckedVerifier verifier(backend.make);
    VerifierJob job{JobId("c"), 2, {}};
    job.known = {result('X'), result('Y')};
    CHECK(describe(verifier.begin(job)) == std::vector<std::string>{"execute c/0 x1", "execute c/1 x1"});
    const auto answer = [&](const char* agent, std::uint32_t shard, char said) {
      return describe(verifier.answer({{JobId("c"), shard}, AgentId(agent), LeaseId("l"), result(said)}));
    };
    CHECK(answer("honest", 0, 'X').empty());
    CHECK(answer("liar", 1, 'X') == std::vector<std::string>{"quarantine liar at c/1 X!=Y"});
    CHECK(answer("late", 1, 'Y').empty());
    verifier.restart();
    CHECK(verifier.in_quarantine(AgentId("liar")));
    CHECK_FALSE(verifier.in_quarantine(AgentId("honest")));
  }
}

TEST_CASE("who claims that shards fail which do not loses credit, and then its work") {
  for (const Backend& backend : backends) {
    INFO("backend " << backend.name);
    CheckedVerifier verifier(backend.make);
    VerifierJob job{JobId("c"), 4, {}};
    job.known = {result('X'), result('X'), result('X'), result('X')};
    verifier.begin(job);
    const auto claim = [&](std::uint32_t shard) {
      return describe(verifier.answer({{JobId("c"), shard}, AgentId("a"), LeaseId("l"), result('F'), true}));
    };
    CHECK(claim(0) == std::vector<std::string>{"discredit a at c/0 F!=X, 1"});
    verifier.restart();
    CHECK(claim(1) == std::vector<std::string>{"discredit a at c/1 F!=X, 2"});
    CHECK(claim(2) == std::vector<std::string>{"quarantine a at c/2 F!=X"});
    CHECK(claim(3).empty());
  }
}

TEST_CASE("a claim outlives the job in which it was refuted") {
  for (const Backend& backend : backends) {
    INFO("backend " << backend.name);
    CheckedVerifier verifier(backend.make);
    for (int i = 0; i < 3; ++i) {
      VerifierJob job{JobId("c" + std::to_string(i)), 1, {}};
      job.known = {result('X')};
      verifier.begin(job);
      verifier.answer({{job.id, 0}, AgentId("a"), LeaseId("l"), result('F'), true});
      verifier.end(job.id);
      verifier.restart();
    }
    CHECK(verifier.in_quarantine(AgentId("a")));
  }
}

TEST_CASE("every shard is decided in the end when the executions asked for come back") {
  for (const Backend& backend : backends)
    for (std::uint64_t seed = 1001; seed <= 1300; ++seed) {
      INFO("backend " << backend.name << ", seed " << seed);
      Workload workload(backend.make, seed);
      for (int i = 0; i < 60; ++i) workload.step();
      workload.drain();
    }
}
