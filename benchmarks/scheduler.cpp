// Decisions of the default scheduler at 100, 10,000 and 100,000 agents, over a million shards that wait.
//
// One decision is the grant of a lease of one shard (the smallest, so the dearest per shard), or its end: finished by its
// agent, whose delivery is noted (`exclude`), or expired. `agent_seen` comes before every grant, as in a hub, and `expire`
// after every thousand. Agents are of eight kinds, 24 jobs of eight projects in four organizations ask for different ones, and
// every shard wants two replicas. What is delivered is asked for again further on, so that a million shards wait at any time.
//
// The floor is what no scheduler behind this interface can do without: finding an agent by its id, and keeping a lease by its
// own from its grant to its end, with std::unordered_map.
#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/testing/random.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unordered_map>
#include <utility>

#include <time.h>

using namespace forgepool;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t queued_shards = 1'000'000, job_count = 24, replicas = 2;
constexpr int rounds = 7, batches_per_round = 1000, visits_per_batch = 100, batches_per_expiry = 10;

/// 28 to 30 characters, as the ids that a hub makes; the same for the same number.
std::string random_id(const char* prefix, std::uint64_t number) {
  testing::Random random(number);
  std::string id = prefix;
  for (int half = 0; half < 2; ++half) {
    auto bits = random.next();
    for (int i = 0; i < 13; ++i, bits >>= 5) id += "abcdefghijklmnopqrstuvwxyz234567"[bits & 31];
  }
  return id;
}

SchedulerAgent make_agent(std::uint32_t number) {
  SchedulerAgent agent;
  agent.id = AgentId(random_id("a-", number));
  agent.region = number % 2 ? "eu" : "us";
  agent.tier = number / 2 % 2 ? "private" : "public";
  if (number / 4 % 2) agent.data_classes = {"confidential", "internal"};
  return agent;
}

SchedulerJob make_job(std::uint32_t number) {
  SchedulerJob job;
  job.id = JobId(random_id("job-", number));
  job.organization = OrganizationId("org-" + std::to_string(number % 4));
  job.project = "project-" + std::to_string(number / 4 % 2);
  job.priority = number % 10;
  job.adapter = number % 3 ? "mc@1" : "exec@1";
  if (number % 6 == 1) job.regions = {"eu"};
  if (number % 6 == 2) job.target = "private";
  if (number % 6 == 3) job.data_class = "internal";
  if (number % 6 == 4) job.deadline = Time(1h);
  return job;
}

/// Of this thread on its core: what other programs do meanwhile does not count.
double seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double seconds(auto run) {
  const double start = seconds();
  run();
  return seconds() - start;
}

/// What an agent sends: it reports its lease, if it has one, and asks for another.
struct Visit {
  std::uint32_t number = 0;
  SchedulerAgent agent;
  LeaseId reported, asked;
};

/// Visits, made while the clock stands: they come off the network, and are no decisions. A batch is small enough to be in the
/// processor's caches when it is worked on, as what has just come off the network is. What agents know is made from numbers
/// each time: it is in their memory, not in that of the program around a scheduler, whose caches it would take up here.
class Visitors {
 public:
  explicit Visitors(std::uint32_t agents) : held_(agents) {
    for (std::uint32_t i = 0; i < 8; ++i) kinds_.push_back(make_agent(i));
  }

  std::uint32_t size() const { return static_cast<std::uint32_t>(held_.size()); }
  SchedulerAgent agent(std::uint32_t number) const {
    SchedulerAgent agent = kinds_[number % kinds_.size()];
    agent.id = AgentId(random_id("a-", number));
    return agent;
  }

  const std::vector<Visit>& next_batch() {
    for (Visit& visit : visits_) {
      visit.number = static_cast<std::uint32_t>(random_.below(held_.size()));
      visit.agent = agent(visit.number);
      auto& held = held_[visit.number];
      visit.reported = held == 0 ? LeaseId() : lease(held);
      visit.asked = lease(held = ++leases_);
    }
    return visits_;
  }

 private:
  static LeaseId lease(std::uint64_t number) { return LeaseId(random_id("l-", number)); }

  testing::Random random_{1};
  std::vector<SchedulerAgent> kinds_;
  std::vector<std::uint64_t> held_;  // The last lease of each agent; 0: none yet.
  std::uint64_t leases_ = 0;
  std::vector<Visit> visits_ = std::vector<Visit>(visits_per_batch);  // Kept, so that the heap is as a long-running program's.
};

/// A pool in which every agent always has a lease.
class Pool {
 public:
  explicit Pool(std::uint32_t agents) : visitors_(agents), step_(Duration(5s) / agents) {
    for (std::uint32_t i = 0; i < job_count; ++i) {
      const SchedulerJob job = make_job(i);
      scheduler_->add_job(job, now_);
      job_numbers_.emplace(job.id, i);
      next_.push_back({job.id, 0});
      for (std::uint32_t k = 0; k < queued_shards / job_count + 1; ++k) want_next(i);
    }
    for (std::uint32_t i = 0; i < agents; ++i) scheduler_->agent_seen(visitors_.agent(i), now_);
    // Every agent has had its turn a few times when the clock starts.
    for (std::size_t done = 0; done < 3 * agents; done += batches_per_round * visits_per_batch) run();
  }

  /// Decisions per second.
  double run() {
    std::uint64_t decisions = 0;
    double time = 0;
    for (int batch = 0; batch < batches_per_round; ++batch) {
      const auto& visits = visitors_.next_batch();
      time += seconds([&] {
        for (const auto& visit : visits) {
          now_ += step_;
          decisions += deliver(visit);
          scheduler_->agent_seen(visit.agent, now_);
          if (!scheduler_->grant(visit.agent.id, visit.asked, 1, now_))
            std::fprintf(stderr, "an agent got nothing\n"), std::exit(1);
          ++decisions;
        }
        if (batch % batches_per_expiry == 0) decisions += scheduler_->expire(now_).size();
      });
    }
    return static_cast<double>(decisions) / time;
  }

 private:
  void want_next(std::uint32_t job) {
    scheduler_->want(next_[job], replicas);
    ++next_[job].index;
  }

  std::uint64_t deliver(const Visit& visit) {
    if (visit.reported.empty()) return 0;
    auto finished = scheduler_->finish(visit.reported, visit.agent.id);
    if (!finished) return 0;  // It had expired, which was counted then.
    const ShardId shard{std::move(finished->job), finished->shards.at(0)};
    scheduler_->exclude(shard, visit.agent.id);
    if (delivered_++ % replicas == 0) want_next(job_numbers_.at(shard.job));
    return 1;
  }

  Visitors visitors_;
  std::unique_ptr<Scheduler> scheduler_ = make_fair_share_scheduler();
  std::unordered_map<JobId, std::uint32_t> job_numbers_;
  std::vector<ShardId> next_;  // By job.
  std::uint64_t delivered_ = 0;
  Time now_{1000s};
  Duration step_;  // So that leases last five seconds on average, and one in twenty expires.
};

class Floor {
 public:
  explicit Floor(std::uint32_t agents) : visitors_(agents) {
    for (std::uint32_t i = 0; i < agents; ++i) known_.emplace(visitors_.agent(i).id, i);
  }

  double run() {
    std::uint64_t decisions = 0;
    double time = 0;
    for (int batch = 0; batch < batches_per_round; ++batch) {
      const auto& visits = visitors_.next_batch();
      time += seconds([&] {
        for (const auto& visit : visits) {
          decisions += leases_.erase(visit.reported);
          const auto agent = known_.find(visit.agent.id);
          leases_.emplace(visit.asked, Lease{visit.asked, job_, agent->first, {visit.number}, Time(), Time()});
          ++decisions;
        }
      });
    }
    return static_cast<double>(decisions) / time;
  }

 private:
  Visitors visitors_;
  const JobId job_{"job-abcdefghijklmnopqrstuvwxyz"};
  std::unordered_map<AgentId, std::uint64_t> known_;
  std::unordered_map<LeaseId, Lease> leases_;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main() {
  constexpr std::uint32_t sizes[] = {100, 10'000, 100'000};
  std::vector<Pool> pools;
  std::vector<Floor> floors;
  for (const auto size : sizes) {
    pools.emplace_back(size);
    floors.emplace_back(size);
  }
  // In turns, so that what else the machine does meets all alike.
  std::vector<double> of_pools[3], of_floors[3];
  for (int round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < 3; ++i) {
      of_pools[i].push_back(pools[i].run());
      of_floors[i].push_back(floors[i].run());
    }

  std::printf("%u shards wait, one shard per lease; medians of %d rounds in turns, time of one core\n\n", queued_shards,
              rounds);
  std::printf("%10s  %14s  %14s  %10s\n", "agents", "decisions/s", "floor", "of floor");
  double figures[3], floor_figures[3];
  for (std::size_t i = 0; i < 3; ++i) {
    figures[i] = median(of_pools[i]);
    floor_figures[i] = median(of_floors[i]);
    std::printf("%10u  %14.0f  %14.0f  %9.0f%%\n", sizes[i], figures[i], floor_figures[i], 100 * figures[i] / floor_figures[i]);
  }
  std::printf("\na decision costs %.2f times as much at 100 agents as at 10,000, and %.2f times as much at 100,000\n",
              figures[1] / figures[0], figures[1] / figures[2]);
  std::printf(
      "\n{\"decisions_per_s_100\": %.0f, \"decisions_per_s_10000\": %.0f, \"decisions_per_s_100000\": %.0f, "
      "\"cost_100_vs_10000\": %.2f, \"cost_100000_vs_10000\": %.2f, "
      "\"floor_per_s_100\": %.0f, \"floor_per_s_10000\": %.0f, \"floor_per_s_100000\": %.0f}\n",
      figures[0], figures[1], figures[2], figures[1] / figures[0], figures[1] / figures[2], floor_figures[0], floor_figures[1],
      floor_figures[2]);
}
