/// The clients of a simulated pool: each submits its jobs, follows them to their ends, fetches what came out, and tries to see
/// what others have.
#include "testing/simulated_pool.hpp"
#include "testing/simulation_adapter.hpp"

#include <forgepool/audit.hpp>
#include <forgepool/backends/memory_transport.hpp>

#include <algorithm>

namespace forgepool::testing {

using namespace std::chrono_literals;

namespace {

/// What a client may try again: the hub is away, or its disk is.
bool passes(const Error& error) {
  return error.kind == ErrorKind::unavailable || error.kind == ErrorKind::internal;
}

}  // namespace

void SimulatedPool::add_tenants() {
  for (std::uint32_t i = 0; i < std::max({1u, options_.tenants, options_.organizations}); ++i) {
    auto tenant = std::make_unique<Tenant>();
    tenant->name = "tenant-" + std::to_string(i) + "-of-" + std::to_string(options_.seed);
    truth_.tenants.push_back(tenant->name);
    truth_.secret_names.insert(tenant->name);
    const std::uint32_t organization = truth_.organization_of_tenant(i);
    truth_.organizations[organization].names.insert(tenant->name);
    tenant->faults = make_faults();
    tenant->network = make_memory_transport(loop_, network_);
    auto credentials = issue_credentials(organizations_[organization]->identity, "client/" + tenant->name, loop_.now(),
                                         &organizations_.front()->identity);
    tenant->client =
        connect_client(loop_, std::move(credentials).value(),
                       make_faulty_transport(loop_, *tenant->network, random_.next(), tenant->faults), {"127.0.0.1", 1})
            .value();
    tenants_.push_back(std::move(tenant));
  }
  std::size_t number = 0;
  for (const auto& job : options_.jobs) prepare(job, number++);
}

void SimulatedPool::prepare(const SimulatedJob& wanted, std::size_t number) {
  auto job = std::make_unique<Job>();
  job->id = JobId("secret-job-" + std::to_string(number) + "-of-" + std::to_string(options_.seed));
  job->tenant = wanted.tenant % static_cast<std::uint32_t>(tenants_.size());
  const std::string trace = "secret-trace-" + std::to_string(number);
  auto contract = parse_contract(R"({"ctx":{"job_id":")" + job->id.str() + R"(","trace_id":")" + trace +
                                 R"("},"op":{"name":"simulation","version":"1","profile":"simulation.v1"},"args":{"shards":)" +
                                 std::to_string(wanted.shards) + R"(},"policy":)" + wanted.policy + "}");
  if (!contract)
    return violations_.add("options", "the policy of job " + std::to_string(number) + ": " + contract.error().message);
  job->contract = std::move(*contract);
  const auto plan = adapter_->plan(job->contract);
  if (!plan) return violations_.add("options", "job " + std::to_string(number) + ": " + plan.error().message);

  JobTruth truth{job->tenant, wanted.shards, job->contract.policy, {}};
  for (const auto& shard : plan->shards) {
    truth.right.push_back(sha256(simulation_output(as_bytes(shard.params), 0)));
    truth_.shards.emplace(shard.params, ShardId{job->id, shard.index});
  }
  truth_.organizations[truth_.organization_of_tenant(job->tenant)].names.insert({job->id.str(), trace});
  truth_.jobs.emplace(job->id, std::move(truth));
  truth_.secret_names.insert(job->id.str());
  truth_.secret_names.insert(trace);
  jobs_.push_back(std::move(job));
  Job& kept = *jobs_.back();
  kept.timer = loop_.after(up_to(options_.faulty_time / 2), [this, &kept] { submit(kept); });
}

void SimulatedPool::submit(Job& job) {
  tenants_[job.tenant]->client->submit(job.contract.canonical, [this, &job](Result<JobStatus> status) {
    if (!status && passes(status.error())) {
      job.timer = loop_.after(1s, [this, &job] { submit(job); });
      return;
    }
    if (!status) return violations_.add("progress", "job " + job.id.str() + " is refused: " + status.error().message);
    job.acknowledged = true;
    follow(job);
  });
}

void SimulatedPool::follow(Job& job) {
  tenants_[job.tenant]->client->wait(job.id, nullptr, [this, &job](Result<JobStatus> end) {
    if (!end && passes(end.error())) {
      job.timer = loop_.after(1s, [this, &job] { follow(job); });
      return;
    }
    if (!end)
      return violations_.add("counting", "job " + job.id.str() + " was acknowledged and is lost: " + end.error().message);
    job.end = std::move(*end);
    collect(job);
  });
}

void SimulatedPool::collect(Job& job) {
  if (job.end->state != JobState::done) {
    job.collected = true;
    return;
  }
  const bool bundle = job.result.has_value();
  if (bundle && (job.bundle || !options_.check_bundles)) {
    job.collected = true;
    return check_outcome(job);
  }
  auto take = [this, &job, bundle](Result<std::string> document) {
    if (document)
      (bundle ? job.bundle : job.result) = std::move(*document);
    else if (!passes(document.error()))
      return violations_.add("counting", std::string(bundle ? "the evidence" : "the result") + " of job " + job.id.str() +
                                             " cannot be fetched: " + document.error().message);
    job.timer = loop_.after(document ? 0s : 1s, [this, &job] { collect(job); });
  };
  auto& client = *tenants_[job.tenant]->client;
  if (bundle)
    client.bundle(job.id, std::move(take));
  else
    client.result(job.id, std::move(take));
}

void SimulatedPool::pry() {
  if (!faulty_ || tenants_.size() < 2) return;
  later(up_to(4s), [this] { pry(); });
  if (organizations_.size() > 1 && random_.chance(0.2)) return pry_as_operator();
  const auto tenant = static_cast<std::uint32_t>(random_.below(tenants_.size()));
  const auto& job = *jobs_[random_.below(jobs_.size())];
  if (job.tenant == tenant) return;
  ++faults_["intrusions"];
  auto& client = *tenants_[tenant]->client;
  const auto nothing = [](const auto&) {};
  switch (random_.below(4)) {
    case 0: client.status(job.id, 0, 0s, nothing); break;
    case 1: client.explain(job.id, nothing); break;
    case 2: client.result(job.id, nothing); break;
    default: client.jobs(nothing); break;
  }
}

void SimulatedPool::pry_as_operator() {
  // The first is the hub's own, whose operator may see the others.
  const auto& organization = *organizations_[random_.between(1, organizations_.size() - 1)];
  if (!organization.operator_client) return;
  ++faults_["intrusions"];
  organization.operator_client->organizations([](const auto&) {});
}

std::string SimulatedPool::why_it_waits(const Job& job) {
  std::string text = "the hub does not say why";
  tenants_[job.tenant]->client->explain(job.id, [&text](Result<JobExplanation> explanation) {
    if (!explanation) {
      text = explanation.error().message;
      return;
    }
    const auto& status = explanation->status;
    text = std::string(to_string(status.state)) + ", " + std::to_string(status.accepted) + " of " +
           std::to_string(status.shards) + " shards accepted, " + std::to_string(status.leased) + " executions under way, " +
           std::to_string(status.waiting) + " waiting";
    for (const auto& reason : status.reasons) text += "; " + reason.code + ": " + reason.text;
    if (!explanation->shards.empty()) text += "; " + explanation->shards.front().text;
  });
  loop_.advance(10s);
  return text;
}

bool SimulatedPool::must_be_done(const Job& job) const {
  const auto& policy = job.contract.policy;
  std::uint32_t needed = std::max(1u, policy.min_agents);
  if (policy.verify == VerifyMode::full || policy.verify == VerifyMode::quorum) needed = std::max(needed, policy.replicas);
  if (policy.verify == VerifyMode::spotcheck) needed = std::max(needed, 2u);
  std::uint32_t honest = 0, others = 0;
  const std::uint32_t organization = truth_.organization_of_tenant(job.tenant);
  const auto here = [&](const AgentId& agent) { return truth_.organization_of.at(agent) == organization; };
  for (const auto& [id, group] : truth_.agents) others += here(id) && group->cheats();
  // As if nobody ever earned trust, and everybody who may lie contradicted every result.
  if (policy.verify == VerifyMode::adaptive)
    needed = std::max(needed, std::max(2u, lead_needed(policy.adversary, policy.max_error)) + others);
  for (const auto& [id, group] : truth_.agents)
    honest += here(id) && !group->cheats() && (policy.target == "any" || policy.target == group->tier) &&
              (policy.regions.empty() || std::ranges::find(policy.regions, group->region) != policy.regions.end());
  // Where one agent's word makes a result, it also makes a failure.
  const bool one_is_enough =
      policy.verify == VerifyMode::none ||
      ((policy.verify == VerifyMode::full || policy.verify == VerifyMode::quorum) && policy.replicas <= 1);
  if (one_is_enough && others > 0) return false;
  // Where several can agree on lies, they may get honest agents into quarantine; and many who lie alone may use up the
  // executions that a verifier asks for: each lies once about a shard, and is out.
  const bool orderly = truth_.in_league() < 2 && needed + others <= 20;
  return job.acknowledged && orderly && honest >= needed;
}

void SimulatedPool::check_outcome(const Job& job) {
  const auto wrong = [&](const std::string& what) { violations_.add("counting", "job " + job.id.str() + ": " + what); };
  if (job.end->accepted != job.end->shards) wrong("is done with " + std::to_string(job.end->accepted) + " shards accepted");
  if (sha256(*job.result) != job.end->result) wrong("the result does not have the digest that the status says");
  std::vector<ByteView> outputs;
  for (std::uint32_t i = 0; i < job.end->shards; ++i) {
    const Digest* digest = evidence_.accepted({job.id, i});
    const Bytes* output = digest ? eavesdropper_.output(*digest) : nullptr;
    if (!output) return wrong("is done without a result for shard " + std::to_string(i));
    outputs.emplace_back(*output);
  }
  const auto expected = adapter_->reduce(job.contract, outputs);
  if (!expected || *expected != *job.result) wrong("the result is not that of its shards, each counted once");
  if (!job.bundle) return;
  const auto report = verify_bundle(*job.bundle, make_trusted_root(organization_of(job).identity));
  if (!report)
    wrong("its evidence does not hold: " + report.error().message);
  else if (report->shards != job.end->shards || report->result != *job.end->result)
    wrong("its evidence is for something else");
}

}  // namespace forgepool::testing
