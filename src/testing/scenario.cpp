#include <forgepool/testing/scenario.hpp>

#include "wire/json_reader.hpp"

#include <algorithm>

namespace forgepool::testing {
namespace {

using json::ObjectReader;

constexpr std::string_view formats[] = {"forgepool-scenario/1"};
constexpr std::int64_t max_agents = 100'000;
constexpr std::int64_t max_jobs = 100'000;
constexpr std::int64_t max_shards_per_job = 10'000'000;

std::uint32_t small(std::int64_t value) {
  return static_cast<std::uint32_t>(value);
}

Result<AgentGroup> read_group(const json::Value& value, std::string pointer) {
  ObjectReader reader(value, std::move(pointer));
  AgentGroup group;
  const auto behaviour = parse_agent_behaviour(reader.string("behaviour", 64));
  if (behaviour)
    group.behaviour = *behaviour;
  else if (reader.ok())
    reader.refuse("behaviour", behaviour.error().message);
  group.count = small(reader.integer("count", 1, max_agents));
  group.cheat_rate = reader.number("cheat_rate", 0, 1, group.cheat_rate);
  group.together = reader.boolean("together", group.together);
  group.same_lie = reader.boolean("same_lie", group.same_lie);
  group.accomplices = small(reader.integer("accomplices", 1, 1000, group.accomplices));
  group.honest_answers = small(reader.integer("honest_answers", 0, 1'000'000'000, group.honest_answers));
  group.names_per_operator = small(reader.integer("names_per_operator", 1, 1'000'000, group.names_per_operator));
  group.slowdown = reader.number("slowdown", 1, 1e6, group.slowdown);
  group.region = reader.id("region", "");
  if (auto read = reader.finish(); !read) return fail(read.error());
  return group;
}

void read_jobs(const json::Value& value, Scenario& scenario, ObjectReader& outer) {
  ObjectReader reader(value, outer.pointer("jobs"));
  scenario.jobs = small(reader.integer("count", 1, max_jobs));
  scenario.shards_per_job = small(reader.integer("shards", 1, max_shards_per_job));
  scenario.jobs_at_once = small(reader.integer("at_once", 1, max_jobs, scenario.jobs_at_once));
  scenario.projects = small(reader.integer("projects", 1, max_jobs, scenario.projects));
  if (auto read = reader.finish(); !read) outer.refuse(read.error());
}

void read_comparison(const json::Value& value, Scenario& scenario, ObjectReader& outer) {
  ObjectReader reader(value, outer.pointer("compare"));
  scenario.majority_agreeing = small(reader.integer("majority_agreeing", 0, 16, scenario.majority_agreeing));
  scenario.boinc_trusted_after =
      small(reader.integer("boinc_trusted_after", 0, 1'000'000, static_cast<std::int64_t>(scenario.boinc_trusted_after)));
  if (auto read = reader.finish(); !read) outer.refuse(read.error());
}

/// A policy is read as what it is: a part of a contract.
Result<ContractPolicy> read_policy(const json::Value& policy) {
  auto contract = parse_contract(
      json::canonicalize(json::Object{{"op", json::Object{{"name", "scenario"}, {"version", "1"}, {"profile", "scenario"}}},
                                      {"args", json::Object{}},
                                      {"policy", policy}}));
  if (!contract) return fail(contract.error());
  return std::move(contract->policy);
}

}  // namespace

Result<Scenario> parse_scenario(std::string_view text) {
  const auto value = json::parse(text, max_scenario_bytes);
  if (!value) return fail(value.error());
  Scenario scenario;
  ObjectReader reader(*value, "");
  reader.choice("format", formats);
  scenario.name = reader.id("name");
  reader.string("description", 4000, "");
  scenario.seed = static_cast<std::uint64_t>(reader.integer("seed", 0, json::max_safe_integer, 1));
  if (const auto* groups = reader.array("agents", 1, 1000))
    for (std::size_t i = 0; i < groups->size(); ++i) {
      auto group = read_group((*groups)[i], json::pointer_to("/agents", i));
      if (!group) {
        reader.refuse(group.error());
        break;
      }
      scenario.agents.push_back(std::move(*group));
    }
  if (const auto* jobs = reader.object("jobs")) read_jobs(*jobs, scenario, reader);
  if (const auto* policy = reader.object("policy")) {
    auto read = read_policy(*policy);
    if (read)
      scenario.policy = std::move(*read);
    else
      reader.refuse(read.error());
  }
  scenario.execution_seconds = reader.number("execution_seconds", 0.001, 1e6, scenario.execution_seconds);
  scenario.shards_per_lease = small(reader.integer("shards_per_lease", 1, 10'000, scenario.shards_per_lease));
  scenario.steady_after = reader.number("steady_after", 0, 0.99, scenario.steady_after);
  if (const auto* compare = reader.object("compare", ObjectReader::Need::optional)) read_comparison(*compare, scenario, reader);
  if (auto read = reader.finish(); !read) return fail(read.error());
  return scenario;
}

}  // namespace forgepool::testing
