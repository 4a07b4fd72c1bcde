/// Canaries, and what they are made of, as records: FORMAT.md, `canary/…` and `known/…`.
#include "base/checked_arithmetic.hpp"
#include "hub/canaries.hpp"
#include "hub/records.hpp"
#include "wire/json.hpp"
#include "wire/json_reader.hpp"

namespace forgepool::hub {
namespace {

constexpr std::size_t max_record_bytes = 64u << 20;

std::int64_t to_ms(Time time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

void write_shards(json::Object& record, const KnownShards& shards) {
  // A plan's text numbers its shards from 0; the numbers that they have in their job stand with what is known of them.
  Plan renumbered = shards.plan;
  json::Array known;
  for (std::size_t i = 0; i < shards.known.size(); ++i) {
    const KnownShard& one = shards.known[i];
    renumbered.shards[i].index = static_cast<std::uint32_t>(i);
    json::Array agents;
    for (const AgentId& agent : one.agents) agents.push_back(agent.str());
    known.push_back(json::Object{{"agents", std::move(agents)},
                                 {"error_bound", one.error_bound},
                                 {"result", one.result.str()},
                                 {"shard", shards.plan.shards[i].index}});
  }
  record.set("known", std::move(known));
  record.set("plan", renumbered.canonical());
}

KnownShards read_shards(json::ObjectReader& reader) {
  KnownShards shards;
  std::vector<std::uint32_t> numbers;
  if (const auto* known = reader.array("known", 1, 100'000))
    for (std::size_t i = 0; i < known->size(); ++i) {
      json::ObjectReader one((*known)[i], json::pointer_to(reader.pointer("known"), i));
      KnownShard shard;
      for (auto& name : one.strings("agents", 100'000, 128)) shard.agents.emplace_back(std::move(name));
      shard.error_bound = one.number("error_bound", 0, 1);
      shard.result = one.digest("result");
      numbers.push_back(static_cast<std::uint32_t>(one.integer("shard", 0, UINT32_MAX)));
      if (const auto done = one.finish(); !done) reader.refuse(done.error());
      shards.known.push_back(std::move(shard));
    }
  auto plan = parse_plan(reader.string("plan", max_record_bytes));
  if (!plan)
    reader.refuse("plan", plan.error().message);
  else if (plan->shards.size() != numbers.size() || !std::ranges::is_sorted(numbers, std::less_equal{}))
    reader.refuse("known", "does not have the plan's shards, each once, in order");
  else {
    shards.plan = std::move(*plan);
    for (std::size_t i = 0; i < numbers.size(); ++i) shards.plan.shards[i].index = numbers[i];
  }
  return shards;
}

template <class T, class Read>
Result<T> read_record(std::string_view record, Read read) {
  const auto value = json::parse_canonical(record, max_record_bytes);
  if (!value) return fail(ErrorKind::corrupt, value.error().message);
  json::ObjectReader reader(*value, "");
  T result = read(reader);
  if (const auto done = reader.finish(); !done) return fail(ErrorKind::corrupt, done.error().message);
  return result;
}

Time read_time(json::ObjectReader& reader, std::string_view key) {
  return time_from_ms(reader.integer(key, 0, json::max_safe_integer));
}

}  // namespace

std::string canary_key(const JobId& source, const JobId& canary) {
  return "canary/" + source.str() + "/" + canary.str();
}
std::string known_key(const JobId& job) {
  return "known/" + job.str();
}

std::string write_known(const KnownShards& shards, Time ended_at) {
  json::Object record{{"ended_at_ms", to_ms(ended_at)}};
  write_shards(record, shards);
  return json::canonicalize(std::move(record));
}

Result<std::pair<KnownShards, Time>> read_known(std::string_view record) {
  return read_record<std::pair<KnownShards, Time>>(record, [](json::ObjectReader& reader) {
    const Time ended_at = read_time(reader, "ended_at_ms");
    return std::pair(read_shards(reader), ended_at);
  });
}

std::string write_canary(const Job& canary) {
  json::Object record{{"accepted_at_ms", to_ms(canary.accepted_at)},
                      {"events", canary.events},
                      {"owner", canary.owner},
                      {"pseudonym", canary.pseudonym},
                      {"secret", to_hex(canary.secret)},
                      {"terms", canary.terms}};
  write_shards(record, {canary.running->plan, canary.running->known});
  return json::canonicalize(std::move(record));
}

Result<std::pair<Job, KnownShards>> read_canary(const JobId& source, const JobId& canary, std::string_view record) {
  return read_record<std::pair<Job, KnownShards>>(record, [&](json::ObjectReader& reader) {
    Job job;
    job.id = canary;
    job.canary_of = source;
    job.accepted_at = read_time(reader, "accepted_at_ms");
    job.events = static_cast<std::uint32_t>(reader.integer("events", 0, UINT32_MAX));
    job.owner = reader.string("owner", 300);
    job.pseudonym = reader.string("pseudonym", 128);
    if (const auto secret = from_hex(reader.string("secret", 64)); secret && secret->size() == job.secret.size())
      std::copy(secret->begin(), secret->end(), job.secret.begin());
    else
      reader.refuse("secret", "expected 64 hex digits");
    job.terms = reader.string("terms", max_terms_bytes);
    return std::pair(std::move(job), read_shards(reader));
  });
}

}  // namespace forgepool::hub
