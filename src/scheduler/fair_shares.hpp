#pragma once
/// Whose turn it is: deficit round robin over organizations and over the projects of each, then the jobs of the project by
/// rank.
///
/// Instead of walking around and around, it is worked out in how many rounds each would have a turn; the first that can use the
/// agent is served, and all that wait get what those rounds are worth.
#include "scheduler/job_queue.hpp"

#include <forgepool/backends/fair_share_scheduler.hpp>

#include <functional>
#include <map>
#include <memory>

namespace forgepool::scheduling {

/// An organization, or a project of one.
struct Share {
  std::string name;
  ShareOptions options;
  std::int64_t deficit = 0;   // Nanoseconds of agents' time.
  std::uint64_t waiting = 0;  // Executions,
  std::uint64_t leased = 0;   // of all its jobs.
  std::uint64_t tried = 0;    // In which call it was found to have nothing for the agent.

  bool at_quota() const { return leased >= options.max_leased; }
};

/// Which of a project's jobs goes first: the smallest.
struct Rank {
  std::int64_t level = 0;
  Time deadline = Time::max();
  std::uint64_t arrival = 0;

  friend auto operator<=>(const Rank&, const Rank&) = default;
};

class FairShares {
 public:
  /// `options` and `roster` are borrowed.
  FairShares(const FairShareOptions& options, const Roster& roster) : options_(options), roster_(roster) {}

  void add(JobQueue& job);
  void remove(JobQueue& job);
  /// To be called when what waits or is under way of the job changed.
  void update(JobQueue& job);

  /// Offers jobs of which something waits and that an agent of its class may do, in order, until `grant` takes one; with the
  /// most executions that it may get. `grant` returns how many it took, and must not change what waits: `update` follows.
  using Grant = std::function<std::uint64_t(JobQueue& job, std::uint64_t most)>;
  JobQueue* serve(const Agent& agent, const Grant& grant);

  /// The organization or project of the job that has as much under way as it may; null if there is none.
  const Share* at_quota(const JobQueue& job) const;
  /// How much more the job's organization and project may have under way.
  std::uint64_t room(const JobQueue& job) const;
  Status has_room(const SchedulerJob& job, std::uint64_t executions) const;

 private:
  struct Line {
    std::uint32_t job_class = none;
    std::map<Rank, JobQueue*> jobs;  // Of which something waits.
    JobQueue* first = nullptr;       // Of these, and its rank: nearly always enough to know.
    Rank rank{};

    void put(const Rank& at, JobQueue* job);
    void erase(const Rank& at);

   private:
    void find_first();
  };
  struct Project : Share {
    std::vector<Line> lines;
    NumberSet job_classes;  // Of jobs in the lines.
    std::size_t jobs = 0;
  };
  struct Organization : Share {
    std::vector<std::unique_ptr<Project>> projects;
    std::size_t turn = 0;
  };
  struct Home {
    Organization* organization = nullptr;
    Project* project = nullptr;
    Rank rank;
    std::uint64_t waiting = 0, leased = 0;  // As counted in both.
    bool in_line = false;
  };

  ShareOptions options_of(const std::string& organization) const;
  ShareOptions options_of(const std::string& organization, const std::string& project) const;
  /// `work`: the job classes that the agent may work on.
  bool has_work_for(const Project& project, const NumberSet& work) const;
  bool has_work_for(const Organization& organization, const NumberSet& work) const;
  std::int64_t rounds_until_turn(const Share& share) const;
  template <class Shares>
  std::size_t next(const Shares& shares, std::size_t turn, const NumberSet& work) const;
  template <class Shares>
  void charge(Shares& shares, std::size_t& turn, std::size_t served, std::int64_t cost);
  JobQueue* serve(Project& project, const Agent& agent, std::uint64_t most, const Grant& grant, std::uint64_t& taken);
  JobQueue* local_choice(const Project& project, const JobQueue& first, const Rank& rank, const Agent& agent) const;
  std::int64_t cost_of(const JobQueue& job, std::uint64_t executions) const;

  const FairShareOptions& options_;
  const Roster& roster_;
  std::vector<std::unique_ptr<Organization>> organizations_;
  std::size_t turn_ = 0;
  std::vector<Home> homes_;  // By the job's number.
  std::uint64_t waiting_ = 0;
  std::uint64_t call_ = 0;
};

}  // namespace forgepool::scheduling
