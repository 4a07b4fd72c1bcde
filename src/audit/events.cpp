#include "audit/events.hpp"

#include "audit/trail.hpp"
#include "identity/enrolment_event.hpp"
#include "identity/receipt.hpp"
#include "wire/json_reader.hpp"

#include <algorithm>

namespace forgepool::audit {
namespace {

constexpr std::size_t max_content_bytes = 64u << 10;

/// Reads the events one by one into an `Events`.
class EventReader {
 public:
  EventReader(const JobId& job, const Computation& computation) : job_(job), computation_(computation) {}

  Status read(const wire::BundleEvent& event, const std::string& where) {
    const auto content = json::parse_canonical(event.content, max_content_bytes);
    if (!content) return refute(where, content.error());
    json::ObjectReader reader(*content, where + "/content");
    const std::uint64_t index = event.position.index;
    // Agents enrol for all jobs there will be.
    if (event.kind != "enrolment")
      if (const auto job = reader.id("job"); reader.ok() && job != job_.str())
        reader.refuse("job", "is job " + job + ", the bundle is of job " + job_.str());
    if (event.kind == "enrolment")
      read_enrolment(reader, index);
    else if (event.kind == "contract")
      read_contract(reader, index);
    else if (event.kind == "plan")
      read_plan(reader, index);
    else if (event.kind == "result")
      read_result(reader, index);
    else if (event.kind == "artifact")
      read_artifact(reader, index);
    else if (event.kind == "residency")
      read_residency(reader, index);
    else if (event.kind == "lease")
      read_lease(reader, index);
    else if (event.kind == "quarantine")
      read_quarantine(reader, index, where);
    else if (event.kind == "appeal")
      read_appeal(reader, where);
    else if (event.kind == "hold" || event.kind == "release")
      read_hold(reader);
    else if (event.kind == "retention")
      read_deletion(reader);
    else
      return refute(
          where,
          "unknown kind of event; expected contract, plan, residency, enrolment, lease, quarantine, result, artifact, "
          "appeal, hold, release or retention");
    if (const auto finished = reader.finish(); !finished) return fail(ErrorKind::corrupt, finished.error().message);
    return {};
  }

  Result<Events> finish() {
    if (!contract_index_) return refute("/events", "the event of kind contract is missing");
    if (!plan_index_) return refute("/events", "the event of kind plan is missing");
    if (!residency_index_) return refute("/events", "the event of kind residency is missing");
    if (!result_index_) return refute("/events", "the event of kind result is missing: the job did not end well");
    if (!(*contract_index_ < *plan_index_ && *plan_index_ < *residency_index_ && *residency_index_ < *result_index_))
      return refute("/events", "out_of_order", "contract, plan, residency and result do not stand in this order in the ledger");
    for (const auto& [lease, event] : events_.leases)
      if (event.index < *residency_index_)
        return refute("/events", "out_of_order",
                      "lease " + lease.str() + " was granted before plan and residency were committed to");
    for (const auto& [lease, event] : events_.leases)
      if (const auto enrolled = check_enrolled(lease, event); !enrolled) return fail(enrolled.error());
    for (const auto& [agent, event] : events_.enrolled)
      if (std::ranges::none_of(events_.leases, [&](const auto& lease) { return lease.second.agent == agent; }))
        return refute("/events", "there is an enrolment of " + agent.str() + ", which got no lease");
    for (const auto& name : computation_.contract.artifacts.include)
      if (!events_.artifacts.contains(name)) return refute("/events", "the event of kind artifact for " + name + " is missing");
    if (events_.artifacts.size() != computation_.contract.artifacts.include.size())
      return refute("/events", "there is an artifact that the contract does not ask for");
    if (first_artifact_ && *first_artifact_ < *result_index_)
      return refute("/events", "out_of_order", "an artifact was committed to before the result");
    events_.plan_index = *plan_index_;
    events_.result_index = *result_index_;
    return std::move(events_);
  }

 private:
  static void once(json::ObjectReader& reader, std::optional<std::uint64_t>& slot, std::uint64_t index) {
    if (slot) reader.refuse("", "there is a second event of this kind");
    slot = index;
  }
  static void expect(json::ObjectReader& reader, std::string_view key, const Digest& expected) {
    if (const Digest got = reader.digest(key); reader.ok() && got != expected)
      reader.refuse(key, "is " + got.str() + ", but the bundle's has the digest " + expected.str());
  }
  std::uint32_t read_shard(json::ObjectReader& reader) {
    return static_cast<std::uint32_t>(reader.integer("shard", 0, std::int64_t{computation_.shards()} - 1));
  }

  void read_contract(json::ObjectReader& reader, std::uint64_t index) {
    once(reader, contract_index_, index);
    expect(reader, "contract", computation_.contract.digest);
  }
  void read_plan(json::ObjectReader& reader, std::uint64_t index) {
    once(reader, plan_index_, index);
    expect(reader, "adapter", computation_.adapter->digest());
    expect(reader, "plan", computation_.plan_digest);
    events_.pseudonym = reader.id("pseudonym");
    const auto salt = from_hex(reader.string("contract_salt", 64, {}, 64));
    if (!salt) reader.refuse("contract_salt", salt.error().message);
    if (salt) events_.contract = identity::commit_to_contract(*salt, computation_.contract.digest, job_);
    if (const auto shards = reader.integer("shards", 0, UINT32_MAX); reader.ok() && shards != computation_.shards())
      reader.refuse("shards", "is " + std::to_string(shards) + ", but the plan has " + std::to_string(computation_.shards()));
  }
  void read_result(json::ObjectReader& reader, std::uint64_t index) {
    once(reader, result_index_, index);
    events_.result = reader.digest("result");
  }
  void read_artifact(json::ObjectReader& reader, std::uint64_t index) {
    first_artifact_ = std::min(index, first_artifact_.value_or(index));
    const std::string name = reader.string("name", 64);
    const Digest digest = reader.digest("digest");
    if (reader.ok() && !events_.artifacts.emplace(name, digest).second)
      reader.refuse("name", "there is a second event for this artifact");
  }
  /// Where the contract's data may be: what was decided must be what the contract asks for, and the hub must keep to it itself.
  void read_residency(json::ObjectReader& reader, std::uint64_t index) {
    once(reader, residency_index_, index);
    const ContractPolicy& policy = computation_.contract.policy;
    const auto expect_text = [&](std::string_view key, const std::string& expected) {
      if (const auto got = reader.string(key, 128); reader.ok() && got != expected)
        reader.refuse(key, "is \"" + got + "\", but the contract asks for \"" + expected + "\"");
    };
    expect_text("data_class", policy.data_class);
    expect_text("target", policy.target);
    if (reader.strings("regions", 64, 128) != policy.regions && reader.ok())
      reader.refuse("regions", "are not those of the contract");
    events_.hub_region = reader.string("hub_region", 128);
    if (reader.ok() && !events_.hub_region.empty() && !allows(policy.regions, events_.hub_region))
      reader.refuse("hub_region", "is " + events_.hub_region + ", where the contract does not allow its data to be");
    (void)reader.string("profile", 64);
    if (const auto* value = reader.object("retention")) {
      json::ObjectReader retention(*value, reader.pointer("retention"));
      const auto time = [&](std::string_view name) {
        return static_cast<std::uint64_t>(retention.integer(name, 0, json::max_safe_integer));
      };
      events_.retention = {time("inputs_ms"), time("results_ms"), time("evidence_ms")};
      if (const auto done = retention.finish(); !done) reader.refuse(done.error());
    }
  }
  void read_enrolment(json::ObjectReader& reader, std::uint64_t index) {
    auto event = identity::read_enrolment_event(reader);
    const AgentId agent = event.agent.id;
    if (!reader.ok() || events_.enrolled.emplace(agent, EnrolledAgent{index, event.key_pin, std::move(event.agent)}).second)
      return;
    reader.refuse("agent", "agent_enrolled_twice: there is a second enrolment of " + agent.str());
  }
  /// What let the agent have the lease is what was attested when it enrolled, and it had enrolled by then.
  Status check_enrolled(const LeaseId& lease, const LeaseEvent& event) const {
    const std::string whose = "lease " + lease.str() + " of agent " + event.agent.str();
    const auto found = events_.enrolled.find(event.agent);
    if (found == events_.enrolled.end())
      return refute("/events", "agent_not_enrolled", whose + ": the ledger does not say that this agent enrolled");
    const EnrolledAgent& agent = found->second;
    if (agent.index >= event.index)
      return refute("/events", "agent_not_enrolled", whose + " was granted before the agent enrolled");
    const Admitted& admitted = event.admitted;
    const auto& cleared = agent.attested.data_classes;
    if (admitted.region != agent.attested.region || admitted.tier != agent.attested.tier ||
        (!admitted.data_class.empty() && std::ranges::find(cleared, admitted.data_class) == cleared.end()))
      return refute("/events", "admitted_not_attested",
                    whose + " was admitted as something else than what was attested when the agent enrolled");
    return {};
  }
  static bool allows(const std::vector<std::string>& allowed, const std::string& one) {
    return allowed.empty() || std::ranges::find(allowed, one) != allowed.end();
  }
  /// The agent as it was attested when it got the lease must be one that the contract admits.
  Admitted read_admitted(json::ObjectReader& outer) {
    Admitted admitted;
    const auto* value = outer.object("admitted");
    if (!value) return admitted;
    json::ObjectReader reader(*value, outer.pointer("admitted"));
    const ContractPolicy& policy = computation_.contract.policy;
    admitted.data_class = reader.string("data_class", 128);
    admitted.region = reader.string("region", 128);
    admitted.tier = reader.string("tier", 16);
    if (reader.ok() && admitted.data_class != policy.data_class)
      reader.refuse("data_class",
                    "is \"" + admitted.data_class + "\", but the contract's data are of \"" + policy.data_class + "\"");
    if (reader.ok() && !allows(policy.regions, admitted.region))
      reader.refuse("region", "is \"" + admitted.region + "\", which the contract does not allow");
    if (reader.ok() && policy.target != "any" && admitted.tier != policy.target)
      reader.refuse("tier", "is " + admitted.tier + ", but the contract asks for " + policy.target);
    if (const auto done = reader.finish(); !done) outer.refuse(done.error());
    return admitted;
  }
  void read_lease(json::ObjectReader& reader, std::uint64_t index) {
    LeaseEvent event{AgentId(reader.id("agent")), index, {}, read_admitted(reader)};
    const LeaseId lease(reader.id("lease"));
    if (const auto* shards = reader.array("shards", 1, computation_.shards()))
      for (const auto& shard : *shards) {
        const auto number = shard.as_integer();
        if (!number || *number < 0 || *number >= std::int64_t{computation_.shards()} ||
            (!event.shards.empty() && *number <= std::int64_t{event.shards.back()})) {
          reader.refuse("shards", "are not shards of the plan, each once, in ascending order");
          break;
        }
        event.shards.push_back(static_cast<std::uint32_t>(*number));
      }
    if (reader.ok() && !events_.leases.emplace(lease, std::move(event)).second) reader.refuse("lease", "was granted twice");
  }
  void read_quarantine(json::ObjectReader& reader, std::uint64_t index, const std::string& where) {
    const AgentId agent(reader.id("agent"));
    QuarantineEvent event{where, index, std::nullopt};
    // All three or none of them.
    if (reader.has("shard") || reader.has("returned") || reader.has("accepted")) {
      CaughtWith answer;
      answer.shard = read_shard(reader);
      answer.returned = reader.digest("returned");
      answer.accepted = reader.digest("accepted");
      event.answer = answer;
    }
    if (reader.ok() && !events_.quarantined.emplace(agent, std::move(event)).second)
      reader.refuse("agent", "there is a second quarantine event for " + agent.str());
  }

  void read_hold(json::ObjectReader& reader) {
    static constexpr std::string_view holders[] = {"operator", "owner"};
    (void)reader.string("at", 64);
    (void)reader.choice("by", holders);
  }
  void read_deletion(json::ObjectReader& reader) {
    static constexpr std::string_view deleted[] = {"inputs", "results"};
    (void)reader.string("at", 64);
    events_.results_deleted |= reader.choice("deleted", deleted) == 1;
  }

  /// A job with an upheld appeal does not verify: the hub itself says that what it accepted is wrong.
  void read_appeal(json::ObjectReader& reader, const std::string& where) {
    const std::string agent = reader.id("agent");
    const Digest replayed = reader.digest("replayed");
    const auto shard = read_shard(reader);
    if (reader.ok())
      reader.refuse(Error{ErrorKind::corrupt, where + ": on appeal of " + agent + " a replay of shard " +
                                                  std::to_string(shard) + " gave " + replayed.str() +
                                                  ": the accepted result is wrong"});
  }

  const JobId& job_;
  const Computation& computation_;
  std::optional<std::uint64_t> contract_index_, plan_index_, residency_index_, result_index_, first_artifact_;
  Events events_;
};

}  // namespace

Result<Events> check_events(const wire::Bundle& bundle, const Computation& computation, LogProofs& log) {
  EventReader reader(bundle.job, computation);
  for (std::size_t i = 0; i < bundle.events.size(); ++i) {
    const auto& event = bundle.events[i];
    const std::string where = "/events/" + std::to_string(i);
    if (const auto proved = log.prove(where, wire::event_leaf(event.kind, event.salt, event.content), event.position); !proved)
      return fail(proved.error());
    if (const auto claimed = log.claim(where, event.position); !claimed) return fail(claimed.error());
    if (const auto read = reader.read(event, where); !read) return fail(read.error());
  }
  return reader.finish();
}

}  // namespace forgepool::audit
