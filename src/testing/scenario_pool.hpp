#pragma once
/// One run of a scenario: a queue of events in virtual time over a scheduler and a verifier.
#include "testing/agent_mind.hpp"

#include <forgepool/testing/scenario.hpp>

#include <deque>
#include <optional>
#include <queue>
#include <unordered_map>

namespace forgepool::testing {

class ScenarioPool {
 public:
  ScenarioPool(const Scenario& scenario, std::unique_ptr<Scheduler> scheduler, Verifier& verifier);

  ScenarioRun run(const std::function<void(double)>& progress);

 private:
  struct SimulatedAgent {
    AgentId id;
    AgentMind mind;
    std::optional<Lease> lease{};
    std::uint64_t executed = 0;
    std::uint64_t lies = 0;
    Time first_lie{};
    std::uint32_t names_left = 0;
    bool caught = false;
    bool idle = false;
  };
  struct RunningJob {
    std::uint32_t number = 0;
    std::uint32_t project = 0;
    std::uint32_t decided = 0;
    Time began{};
    std::uint32_t canary_shard = 0;
    bool canary = false;  // Its one shard is this one of job `number`, given out again.
  };
  /// An accepted shard that may be given out again.
  struct Known {
    std::uint32_t job, shard;
    Digest result;
    std::vector<AgentId> agents;
  };
  struct Event {
    Time time;
    std::uint64_t number;
    std::uint32_t agent;
    bool operator>(const Event& other) const { return std::tie(time, number) > std::tie(other.time, other.number); }
  };

  void join(const AgentGroup& group, std::uint32_t names_left);
  void begin_jobs();
  void finish(const JobId& id);
  void ask(std::uint32_t agent);
  void wake_idle();
  void report(std::uint32_t agent);
  std::uint64_t answer(SimulatedAgent& agent, std::uint32_t job, std::uint32_t shard);
  void carry_out(const std::vector<VerifierAction>& actions);
  void decided(const ShardVerdict& verdict);
  void caught(const Quarantine& quarantine);
  void give_out_canary();
  void sample();
  void conclude();
  std::string why_stuck() const;

  const Scenario& scenario_;
  const std::unique_ptr<Scheduler> scheduler_;
  Verifier& verifier_;
  Random random_;
  Time now_;
  std::deque<SimulatedAgent> agents_;
  std::unordered_map<AgentId, std::uint32_t> numbers_;
  std::unordered_map<JobId, RunningJob> jobs_;
  /// Of a shard, those who lie together and are careful: how many were given it, and what they decided when the first reported.
  struct Ring {
    std::uint32_t given = 0;
    std::optional<bool> lies{};
  };
  static std::uint64_t key_of(std::uint32_t job, std::uint32_t shard) { return std::uint64_t{job} << 32 | shard; }
  std::unordered_map<std::uint64_t, Ring> rings_;
  std::vector<JobId> complete_;
  std::deque<Known> known_;  // The last ones.
  std::uint64_t next_canary_ = 0;
  std::uint32_t running_ = 0;  // Jobs that are no canaries.
  std::vector<double> project_shards_, project_seconds_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<std::uint32_t> idle_;
  std::uint64_t next_event_ = 0, next_lease_ = 0;
  std::uint32_t next_job_ = 0;
  bool new_work_ = false;

  ScenarioRun run_;
  double bound_sum_ = 0;
  double detection_sum_ = 0, lies_sum_ = 0;
  std::uint64_t total_ = 0, decided_ = 0, next_sample_ = 0;
  std::uint64_t sampled_executions_ = 0, sampled_accepted_ = 0, sampled_wrong_ = 0;
  std::uint64_t steady_from_ = 0, steady_executions_ = 0, steady_accepted_ = 0;
  bool steady_ = false;
};

}  // namespace forgepool::testing
