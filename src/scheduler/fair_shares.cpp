#include "scheduler/fair_shares.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace forgepool::scheduling {
namespace {

// So many jobs of equal rank are looked through for one whose adapter the agent has.
constexpr int local_choices = 8;
// What an execution of a job is taken for of which none came back yet.
constexpr Duration unknown_duration = std::chrono::seconds(1);
constexpr Duration shortest = std::chrono::microseconds(1), longest = std::chrono::hours(24);

std::uint64_t room_in(const Share& share) {
  return share.at_quota() ? 0 : share.options.max_leased - share.leased;
}

}  // namespace

void FairShares::Line::put(const Rank& at, JobQueue* job) {
  jobs.emplace(at, job);
  find_first();
}

void FairShares::Line::erase(const Rank& at) {
  jobs.erase(at);
  find_first();
}

void FairShares::Line::find_first() {
  first = jobs.empty() ? nullptr : jobs.begin()->second;
  rank = jobs.empty() ? Rank{} : jobs.begin()->first;
}

ShareOptions FairShares::options_of(const std::string& organization) const {
  const auto found = options_.organizations.find(organization);
  return found == options_.organizations.end() ? options_.organization : found->second;
}

ShareOptions FairShares::options_of(const std::string& organization, const std::string& project) const {
  const auto found = options_.projects.find(organization + "/" + project);
  return found == options_.projects.end() ? options_.project : found->second;
}

void FairShares::add(JobQueue& job) {
  const std::string& organization_name = job.job().organization.str();
  auto organization = std::ranges::find(
      organizations_, organization_name, [](const auto& one) -> const auto& { return one->name; });
  if (organization == organizations_.end()) {
    organizations_.push_back(std::make_unique<Organization>());
    organization = organizations_.end() - 1;
    (*organization)->name = organization_name;
    (*organization)->options = options_of(organization_name);
  }
  auto& projects = (*organization)->projects;
  auto project = std::ranges::find(
      projects, job.job().project, [](const auto& one) -> const auto& { return one->name; });
  if (project == projects.end()) {
    projects.push_back(std::make_unique<Project>());
    project = projects.end() - 1;
    (*project)->name = job.job().project;
    (*project)->options = options_of(organization_name, job.job().project);
  }
  ++(*project)->jobs;
  if (homes_.size() <= job.number()) homes_.resize(std::size_t{job.number()} + 1);
  // Waiting raises all jobs alike, so that their order among each other never changes.
  const auto level = job.added().time_since_epoch() / std::max<Duration>(options_.ageing, Duration(1)) - job.job().priority;
  homes_[job.number()] = {
      organization->get(), project->get(), {level, job.job().deadline.value_or(Time::max()), job.arrival()}, 0, 0, false};
}

void FairShares::remove(JobQueue& job) {
  Home& home = homes_[job.number()];
  waiting_ -= home.waiting;
  for (Share* share : {static_cast<Share*>(home.organization), static_cast<Share*>(home.project)}) {
    share->waiting -= home.waiting;
    share->leased -= home.leased;
  }
  if (home.in_line) std::ranges::find(home.project->lines, job.job_class(), &Line::job_class)->erase(home.rank);
  auto& projects = home.organization->projects;
  if (--home.project->jobs == 0) {
    std::erase_if(projects, [&](const auto& one) { return one.get() == home.project; });
    if (home.organization->turn >= projects.size()) home.organization->turn = 0;
  }
  if (projects.empty()) {
    std::erase_if(organizations_, [&](const auto& one) { return one.get() == home.organization; });
    if (turn_ >= organizations_.size()) turn_ = 0;
  }
  home = {};
}

void FairShares::update(JobQueue& job) {
  Home& home = homes_[job.number()];
  const std::uint64_t waiting = job.waiting() - home.waiting, leased = job.leased() - home.leased;  // Differences, modulo 2^64.
  home.waiting += waiting;
  home.leased += leased;
  waiting_ += waiting;
  for (Share* share : {static_cast<Share*>(home.organization), static_cast<Share*>(home.project)}) {
    share->waiting += waiting;
    share->leased += leased;
    if (share->waiting == 0) share->deficit = std::min<std::int64_t>(share->deficit, 0);  // Nobody saves up turns while idle.
  }
  if (home.in_line == (home.waiting > 0)) return;
  home.in_line = home.waiting > 0;
  auto& lines = home.project->lines;
  auto line = std::ranges::find(lines, job.job_class(), &Line::job_class);
  if (line == lines.end()) line = lines.insert(lines.end(), {job.job_class(), {}});
  if (home.in_line)
    line->put(home.rank, &job);
  else
    line->erase(home.rank);
  home.project->job_classes.set(job.job_class(), line->first != nullptr);
}

bool FairShares::has_work_for(const Project& project, const NumberSet& work) const {
  return project.job_classes.meets(work) && project.tried != call_ && !project.at_quota();
}

bool FairShares::has_work_for(const Organization& organization, const NumberSet& work) const {
  if (organization.waiting == 0 || organization.tried == call_ || organization.at_quota()) return false;
  return std::ranges::any_of(organization.projects, [&](const auto& project) { return has_work_for(*project, work); });
}

std::int64_t FairShares::rounds_until_turn(const Share& share) const {
  const std::int64_t round = options_.quantum.count() * share.options.weight;
  return (round - share.deficit) / round;  // Nobody saves up more than one round.
}

/// The place of the one whose turn comes first among those that have work for the agent; their number if there is none.
template <class Shares>
std::size_t FairShares::next(const Shares& shares, std::size_t turn, const NumberSet& work) const {
  std::size_t best = shares.size();
  std::int64_t fewest = INT64_MAX;
  for (std::size_t i = 0; i < shares.size() && fewest > 0; ++i) {
    const std::size_t at = turn + i < shares.size() ? turn + i : turn + i - shares.size();
    const auto rounds = rounds_until_turn(*shares[at]);
    if (rounds >= fewest || !has_work_for(*shares[at], work)) continue;
    best = at;
    fewest = rounds;
  }
  return best;
}

template <class Shares>
void FairShares::charge(Shares& shares, std::size_t& turn, std::size_t served, std::int64_t cost) {
  if (const auto rounds = rounds_until_turn(*shares[served]); rounds > 0)
    for (auto& share : shares) {
      if (share->waiting == 0) continue;
      const std::int64_t round = options_.quantum.count() * share->options.weight;
      share->deficit = share->deficit + rounds * round;
      // Who could not use its turns, because the agents were not right for it, keeps one and no more.
      share->deficit = std::min(share->deficit, round);
    }
  shares[served]->deficit -= cost;
  turn = shares[served]->deficit > 0 ? served : served + 1 < shares.size() ? served + 1 : 0;
}

std::int64_t FairShares::cost_of(const JobQueue& job, std::uint64_t executions) const {
  const Duration each = std::clamp(job.shard_duration().value_or(unknown_duration), shortest, longest);
  return each.count() * static_cast<std::int64_t>(executions);
}

JobQueue* FairShares::local_choice(const Project& project, const JobQueue& first, const Rank& rank, const Agent& agent) const {
  const auto has = [&](const JobQueue& job) {
    return job.adapter() == 0 || std::ranges::find(agent.adapters, job.adapter()) != agent.adapters.end();
  };
  if (has(first) || rank.deadline != Time::max()) return nullptr;
  for (const Line& line : project.lines) {
    if (!roster_.fits(line.job_class, agent.agent_class)) continue;
    int looked = 0;
    for (auto at = line.jobs.lower_bound(rank);
         at != line.jobs.end() && at->first.level == rank.level && looked < local_choices; ++at, ++looked)
      if (has(*at->second)) return at->second;
  }
  return nullptr;
}

JobQueue* FairShares::serve(Project& project, const Agent& agent, std::uint64_t most, const Grant& grant,
                            std::uint64_t& taken) {
  const NumberSet& work = roster_.class_of(agent).work;
  const Line* open = nullptr;
  for (const Line& line : project.lines)
    if (line.first && work.contains(line.job_class) && (!open || line.rank < open->rank)) open = &line;
  if (!open) return nullptr;
  if (JobQueue* local = local_choice(project, *open->first, open->rank, agent))
    if ((taken = grant(*local, most)) > 0) return local;
  if ((taken = grant(*open->first, most)) > 0) return open->first;
  // The rest of the lines that are open to the agent, merged by rank.
  for (Rank after = open->rank;;) {
    const std::pair<const Rank, JobQueue*>* best = nullptr;
    for (const Line& line : project.lines) {
      if (!line.first || !work.contains(line.job_class)) continue;
      const auto at = line.jobs.upper_bound(after);
      if (at != line.jobs.end() && (!best || at->first < best->first)) best = &*at;
    }
    if (!best) return nullptr;
    if ((taken = grant(*best->second, most)) > 0) return best->second;
    after = best->first;
  }
}

JobQueue* FairShares::serve(const Agent& agent, const Grant& grant) {
  ++call_;
  const NumberSet& work = roster_.class_of(agent).work;
  for (;;) {
    const auto of = next(organizations_, turn_, work);
    if (of == organizations_.size()) return nullptr;
    Organization& organization = *organizations_[of];
    for (;;) {
      const auto in = next(organization.projects, organization.turn, work);
      if (in == organization.projects.size()) break;
      Project& project = *organization.projects[in];
      std::uint64_t taken = 0;
      if (JobQueue* job = serve(project, agent, std::min(room_in(organization), room_in(project)), grant, taken)) {
        const auto cost = cost_of(*job, taken);
        charge(organization.projects, organization.turn, in, cost);
        charge(organizations_, turn_, of, cost);
        return job;
      }
      project.tried = call_;
    }
    organization.tried = call_;
  }
}

const Share* FairShares::at_quota(const JobQueue& job) const {
  const Home& home = homes_[job.number()];
  if (home.organization->at_quota()) return home.organization;
  return home.project->at_quota() ? home.project : nullptr;
}

std::uint64_t FairShares::room(const JobQueue& job) const {
  const Home& home = homes_[job.number()];
  return std::min(room_in(*home.organization), room_in(*home.project));
}

Status FairShares::has_room(const SchedulerJob& job, std::uint64_t executions) const {
  const auto check = [&](std::uint64_t waiting, std::uint64_t most, const std::string& whose) -> Status {
    if (executions <= most && waiting <= most - executions) return {};
    return fail(ErrorKind::unavailable,
                fmt::format("{} executions of {} wait, and {} more would exceed the limit of {}; try again when less waits",
                            waiting, whose, executions, most));
  };
  if (const auto room = check(waiting_, options_.max_waiting, "all jobs"); !room) return room;
  const std::string& organization_name = job.organization.str();
  const auto organization = std::ranges::find(
      organizations_, organization_name, [](const auto& one) -> const auto& { return one->name; });
  const Project* project = nullptr;
  if (organization != organizations_.end())
    for (const auto& one : (*organization)->projects)
      if (one->name == job.project) project = one.get();
  const auto waiting_of = [](const Share* share) { return share ? share->waiting : 0; };
  if (const auto room = check(waiting_of(organization == organizations_.end() ? nullptr : organization->get()),
                              options_of(organization_name).max_waiting, "the organization " + organization_name);
      !room)
    return room;
  return check(waiting_of(project), options_of(organization_name, job.project).max_waiting, "the project " + job.project);
}

}  // namespace forgepool::scheduling
