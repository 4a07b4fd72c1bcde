#include "hub/records.hpp"

#include "base/checked_arithmetic.hpp"
#include "identity/enrolment_event.hpp"
#include "wire/json.hpp"
#include "wire/json_reader.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace forgepool::hub {
namespace {

// Our own records may hold a contract (1 MiB) and explanations.
constexpr std::size_t max_record_bytes = 64u << 20;
constexpr std::size_t max_text = 16u << 20;
constexpr std::int64_t max_count = json::max_safe_integer;

std::int64_t to_ms(Time time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

Error corrupt(const Error& error) {
  return {ErrorKind::corrupt, error.message};
}

/// Parses a record and lets `read` take its members.
template <class T, class Read>
Result<T> read_record(std::string_view record, Read read) {
  const auto value = json::parse_canonical(record, max_record_bytes);
  if (!value) return fail(corrupt(value.error()));
  json::ObjectReader reader(*value, "");
  T result = read(reader);
  if (const auto done = reader.finish(); !done) return fail(corrupt(done.error()));
  return result;
}

json::Array answers_of(const std::vector<AnsweredShard>& shards) {
  json::Array array;
  for (const auto& answer : shards) {
    json::Object one{{"result", answer.result.str()}, {"shard", answer.shard}};
    if (!answer.failure.empty()) one.set("failure", answer.failure);
    array.push_back(std::move(one));
  }
  return array;
}

json::Value caught_of(const CaughtAgent& caught) {
  return json::Object{{"accepted", caught.accepted.str()},
                      {"agent", caught.agent.str()},
                      {"reason", caught.reason},
                      {"returned", caught.returned.str()},
                      {"shard", caught.shard}};
}

constexpr std::array<std::string_view, 4> job_states{"running", "done", "failed", "cancelled"};

}  // namespace

std::string write_job(const Job& job) {
  json::Array caught, notes;
  for (const auto& agent : job.caught) caught.push_back(caught_of(agent));
  for (const auto& [shard, text] : job.notes) notes.push_back(json::Object{{"shard", shard}, {"text", text}});
  return json::canonicalize(json::Object{
      {"accepted_at_ms", to_ms(job.accepted_at)},
      {"accepted_count", job.accepted_count},
      {"adapter", job.adapter->digest().str()},
      {"agents", job.running ? static_cast<std::uint32_t>(job.running->agents.size()) : job.agent_count},
      {"answers", job.answers},
      {"caught", std::move(caught)},
      {"contract", job.contract.canonical},
      {"ended_at_ms", to_ms(job.ended_at)},
      {"error_bound", job.error_bound},
      {"events", job.events},
      {"expected_wrong", job.expected_wrong},
      {"failure", job.failure},
      {"held_by", job.held_by},
      {"inputs_deleted", job.inputs_deleted},
      {"notes", std::move(notes)},
      {"overturned", json::Array(job.overturned.begin(), job.overturned.end())},
      {"owner", job.owner},
      {"pseudonym", job.pseudonym},
      {"result", job.result ? job.result->str() : ""},
      {"results_deleted", job.results_deleted},
      {"retention", json::Object{{"evidence_ms", job.retention.evidence_ms},
                                 {"inputs_ms", job.retention.inputs_ms},
                                 {"results_ms", job.retention.results_ms}}},
      {"secret", to_hex(job.secret)},
      {"shards", job.shard_count},
      {"state", to_string(job.state)},
      {"terms", job.terms},
      {"version", job.version},
  });
}

Result<Digest> job_adapter(std::string_view record) {
  const auto value = json::parse_canonical(record, max_record_bytes);
  if (!value) return fail(corrupt(value.error()));
  const auto* object = value->as_object();
  const auto* adapter = object ? object->find("adapter") : nullptr;
  if (!adapter || !adapter->as_string()) return fail(ErrorKind::corrupt, "/adapter: expected a digest");
  return Digest::parse(*adapter->as_string());
}

Result<Job> read_job(const JobId& id, std::string_view record) {
  return read_record<Job>(record, [&](json::ObjectReader& reader) {
    Job job;
    job.id = id;
    job.accepted_at = time_from_ms(reader.integer("accepted_at_ms", 0, max_count));
    job.accepted_count = static_cast<std::uint32_t>(reader.integer("accepted_count", 0, UINT32_MAX));
    reader.digest("adapter");
    job.agent_count = static_cast<std::uint32_t>(reader.integer("agents", 0, UINT32_MAX));
    job.answers = static_cast<std::uint64_t>(reader.integer("answers", 0, max_count));
    if (const auto* caught = reader.array("caught", 0, 1'000'000))
      for (std::size_t i = 0; i < caught->size(); ++i) {
        json::ObjectReader one((*caught)[i], json::pointer_to(reader.pointer("caught"), i));
        CaughtAgent agent;
        agent.accepted = one.digest("accepted");
        agent.agent = AgentId(one.id("agent"));
        agent.reason = one.string("reason", max_text);
        agent.returned = one.digest("returned");
        agent.shard = static_cast<std::uint32_t>(one.integer("shard", 0, UINT32_MAX));
        if (const auto done = one.finish(); !done) reader.refuse(done.error());
        job.caught.push_back(std::move(agent));
      }
    if (auto contract = parse_contract(reader.string("contract", max_contract_bytes)))
      job.contract = std::move(*contract);
    else
      reader.refuse("contract", contract.error().message);
    job.ended_at = time_from_ms(reader.integer("ended_at_ms", 0, max_count));
    job.error_bound = reader.number("error_bound", 0, 1);
    job.expected_wrong = reader.number("expected_wrong", 0, UINT32_MAX);
    job.events = static_cast<std::uint32_t>(reader.integer("events", 0, UINT32_MAX));
    job.failure = reader.string("failure", max_text);
    job.held_by = reader.string("held_by", 16);
    job.inputs_deleted = reader.boolean("inputs_deleted");
    if (const auto* notes = reader.array("notes", 0, 1'000'000))
      for (std::size_t i = 0; i < notes->size(); ++i) {
        json::ObjectReader one((*notes)[i], json::pointer_to(reader.pointer("notes"), i));
        const auto shard = static_cast<std::uint32_t>(one.integer("shard", 0, UINT32_MAX));
        job.notes[shard] = one.string("text", max_text);
        if (const auto done = one.finish(); !done) reader.refuse(done.error());
      }
    if (const auto* shards = reader.array("overturned", 0, 1'000'000))
      for (const auto& shard : *shards) {
        if (const auto* index = shard.as_integer(); index && *index >= 0 && *index <= UINT32_MAX)
          job.overturned.insert(static_cast<std::uint32_t>(*index));
        else
          reader.refuse("overturned", "expected shard indices");
      }
    job.owner = reader.string("owner", 300);
    job.pseudonym = reader.string("pseudonym", 128);
    if (const auto result = reader.string("result", 80); !result.empty()) {
      if (const auto digest = Digest::parse(result))
        job.result = *digest;
      else
        reader.refuse("result", digest.error().message);
    }
    job.results_deleted = reader.boolean("results_deleted");
    if (const auto* value = reader.object("retention")) {
      json::ObjectReader one(*value, reader.pointer("retention"));
      const auto time = [&](std::string_view name) { return static_cast<std::uint64_t>(one.integer(name, 0, max_count)); };
      job.retention = {time("inputs_ms"), time("results_ms"), time("evidence_ms")};
      if (const auto done = one.finish(); !done) reader.refuse(done.error());
    }
    if (const auto secret = from_hex(reader.string("secret", 64)); secret && secret->size() == job.secret.size())
      std::copy(secret->begin(), secret->end(), job.secret.begin());
    else
      reader.refuse("secret", "expected 64 hex digits");
    job.shard_count = static_cast<std::uint32_t>(reader.integer("shards", 0, UINT32_MAX));
    job.state = static_cast<JobState>(reader.choice("state", job_states));
    job.terms = reader.string("terms", max_terms_bytes);
    job.version = static_cast<std::uint64_t>(reader.integer("version", 0, max_count));
    return job;
  });
}

Digest owner_hash(const JobId& job, std::string_view owner) {
  return sha256("forgepool owner of an erased job v1\n" + job.str() + "\n" + std::string(owner));
}

std::string write_erased(const ErasedRecord& erased) {
  return json::canonicalize(json::Object{{"at_ms", to_ms(erased.at)},
                                         {"content", erased.content},
                                         {"index", erased.index},
                                         {"owner", erased.owner.str()},
                                         {"salt", to_hex(erased.salt)}});
}

Result<ErasedRecord> read_erased(std::string_view record) {
  return read_record<ErasedRecord>(record, [&](json::ObjectReader& reader) {
    ErasedRecord erased;
    erased.at = time_from_ms(reader.integer("at_ms", 0, max_count));
    erased.content = reader.string("content", 1024);
    erased.index = static_cast<std::uint64_t>(reader.integer("index", 0, max_count));
    erased.owner = reader.digest("owner");
    if (auto salt = from_hex(reader.string("salt", 64)))
      erased.salt = std::move(*salt);
    else
      reader.refuse("salt", salt.error().message);
    return erased;
  });
}

Bytes write_inputs(const std::vector<Digest>& inputs) {
  Bytes record;
  for (const auto& input : inputs) record.insert(record.end(), input.bytes.begin(), input.bytes.end());
  return record;
}

Result<std::vector<Digest>> read_inputs(ByteView record) {
  constexpr std::size_t size = sizeof(Digest::bytes);
  if (record.size() % size != 0) return fail(ErrorKind::corrupt, "it is not a list of digests");
  std::vector<Digest> inputs(record.size() / size);
  for (std::size_t i = 0; i < inputs.size(); ++i) std::ranges::copy(record.subspan(i * size, size), inputs[i].bytes.begin());
  return inputs;
}

std::string write_claim(Time uploaded_at) {
  return json::canonicalize(json::Object{{"uploaded_at_ms", to_ms(uploaded_at)}});
}

Result<Time> read_claim(std::string_view record) {
  return read_record<Time>(
      record, [](json::ObjectReader& reader) { return time_from_ms(reader.integer("uploaded_at_ms", 0, max_count)); });
}

const JobId* job_of(const JournalEntry& entry) {
  if (const auto* began = std::get_if<JobBegan>(&entry)) return &began->job;
  if (const auto* came = std::get_if<AnswersCame>(&entry)) return &came->job;
  return nullptr;
}

std::string write_sealed_entry(const JobId& job, ByteView sealed) {
  return json::canonicalize(json::Object{{"job", job.str()}, {"sealed", to_base64(sealed)}});
}

Result<std::optional<SealedEntry>> read_sealed_entry(std::string_view record) {
  if (record.find("\"sealed\":") == record.npos) return std::nullopt;
  return read_record<std::optional<SealedEntry>>(record, [](json::ObjectReader& reader) {
    JobId job(reader.id("job"));
    return SealedEntry{std::move(job), reader.base64("sealed", max_record_bytes)};
  });
}

std::string write_journal_entry(const JournalEntry& entry) {
  if (const auto* began = std::get_if<JobBegan>(&entry))
    return json::canonicalize(json::Object{{"job", began->job.str()}, {"type", "job"}});
  if (const auto* came = std::get_if<AnswersCame>(&entry))
    return json::canonicalize(json::Object{{"agent", came->agent.str()},
                                           {"job", came->job.str()},
                                           {"lease", came->lease.str()},
                                           {"shards", answers_of(came->shards)},
                                           {"type", "answers"}});
  if (const auto* earned = std::get_if<CreditEarned>(&entry)) {
    json::Array agents;
    for (const auto& one : earned->agents) agents.push_back(json::Object{{"agent", one.agent.str()}, {"checks", one.checks}});
    return json::canonicalize(json::Object{{"agents", std::move(agents)}, {"type", "credit"}});
  }
  if (const auto* discredited = std::get_if<AgentDiscredited>(&entry))
    return json::canonicalize(
        json::Object{{"agent", discredited->agent.str()}, {"refuted", discredited->refuted}, {"type", "discredit"}});
  const auto* pardoned = std::get_if<AgentPardoned>(&entry);
  return json::canonicalize(
      json::Object{{"agent", (pardoned ? pardoned->agent : std::get<AgentQuarantined>(entry).agent).str()},
                   {"type", pardoned ? "pardon" : "quarantine"}});
}

Result<JournalEntry> read_journal_entry(std::string_view record) {
  static constexpr std::array<std::string_view, 6> types{"job", "answers", "pardon", "credit", "discredit", "quarantine"};
  return read_record<JournalEntry>(record, [&](json::ObjectReader& reader) -> JournalEntry {
    switch (reader.choice("type", types)) {
      case 0: return JobBegan{JobId(reader.id("job"))};
      case 1: {
        AnswersCame came{JobId(reader.id("job")), LeaseId(reader.id("lease")), AgentId(reader.id("agent")), {}};
        if (const auto* shards = reader.array("shards", 0, 1'000'000))
          for (std::size_t i = 0; i < shards->size(); ++i) {
            json::ObjectReader one((*shards)[i], json::pointer_to(reader.pointer("shards"), i));
            AnsweredShard answer;
            answer.shard = static_cast<std::uint32_t>(one.integer("shard", 0, UINT32_MAX));
            answer.result = one.digest("result");
            if (one.has("failure")) answer.failure = one.string("failure", max_text);
            came.shards.push_back(std::move(answer));
            if (const auto done = one.finish(); !done) reader.refuse(done.error());
          }
        return came;
      }
      case 2: return AgentPardoned{AgentId(reader.id("agent"))};
      case 3: {
        CreditEarned earned;
        if (const auto* agents = reader.array("agents", 0, 1'000'000))
          for (std::size_t i = 0; i < agents->size(); ++i) {
            json::ObjectReader one((*agents)[i], json::pointer_to(reader.pointer("agents"), i));
            AgentId agent(one.id("agent"));
            earned.agents.push_back({std::move(agent), static_cast<std::uint64_t>(one.integer("checks", 0, max_count))});
            if (const auto done = one.finish(); !done) reader.refuse(done.error());
          }
        return earned;
      }
      case 4: {
        AgentId agent(reader.id("agent"));
        return AgentDiscredited{std::move(agent), static_cast<std::uint32_t>(reader.integer("refuted", 1, UINT32_MAX))};
      }
      default: return AgentQuarantined{AgentId(reader.id("agent"))};
    }
  });
}

std::string write_lease(const Lease& lease) {
  json::Array shards(lease.shards.begin(), lease.shards.end());
  return json::canonicalize(json::Object{{"agent", lease.agent.str()},
                                         {"deadline_ms", to_ms(lease.deadline)},
                                         {"granted_ms", to_ms(lease.granted)},
                                         {"job", lease.job.str()},
                                         {"shards", std::move(shards)}});
}

Result<Lease> read_lease(const LeaseId& id, std::string_view record) {
  return read_record<Lease>(record, [&](json::ObjectReader& reader) {
    Lease lease;
    lease.id = id;
    lease.agent = AgentId(reader.id("agent"));
    lease.deadline = time_from_ms(reader.integer("deadline_ms", 0, max_count));
    lease.granted = time_from_ms(reader.integer("granted_ms", 0, max_count));
    lease.job = JobId(reader.id("job"));
    if (const auto* shards = reader.array("shards", 1, 1'000'000))
      for (const auto& shard : *shards) {
        if (const auto* index = shard.as_integer(); index && *index >= 0 && *index <= UINT32_MAX)
          lease.shards.push_back(static_cast<std::uint32_t>(*index));
        else
          reader.refuse("shards", "expected shard indices");
      }
    return lease;
  });
}

std::string write_agent(const AgentRecord& agent) {
  return json::canonicalize(json::Object{{"answers", agent.answers},
                                         {"attested", identity::attested_to_json(agent.agent)},
                                         {"caught_in", agent.caught_in ? agent.caught_in->str() : ""},
                                         {"certificate_expires_at_ms", to_ms(agent.certificate_expires_at)},
                                         {"draining", agent.agent.draining},
                                         {"enrolled_at_ms", to_ms(agent.enrolled_at)},
                                         {"key_pin", agent.key_pin.str()},
                                         {"quarantined", agent.quarantined},
                                         {"quarantined_at_ms", agent.quarantined.empty() ? 0 : to_ms(agent.quarantined_at)},
                                         {"revoked", agent.revoked}});
}

Result<AgentRecord> read_agent(const AgentId& id, std::string_view record) {
  return read_record<AgentRecord>(record, [&](json::ObjectReader& reader) {
    AgentRecord agent;
    agent.answers = static_cast<std::uint64_t>(reader.integer("answers", 0, max_count));
    agent.agent = identity::read_attested(reader);
    agent.agent.id = id;
    if (auto job = reader.string("caught_in", 128); !job.empty()) agent.caught_in = JobId(std::move(job));
    agent.agent.draining = reader.boolean("draining");
    agent.certificate_expires_at = time_from_ms(reader.integer("certificate_expires_at_ms", 0, max_count));
    agent.enrolled_at = time_from_ms(reader.integer("enrolled_at_ms", 0, max_count));
    agent.key_pin = reader.digest("key_pin");
    agent.quarantined = reader.string("quarantined", max_text);
    agent.quarantined_at = time_from_ms(reader.integer("quarantined_at_ms", 0, max_count));
    agent.revoked = reader.boolean("revoked");
    return agent;
  });
}

std::string write_invitation(const InvitationRecord& invitation) {
  return json::canonicalize(json::Object{{"attested", identity::attested_to_json(invitation.agent)},
                                         {"expires_at_ms", to_ms(invitation.expires_at)},
                                         {"project", invitation.project},
                                         {"role", invitation.role},
                                         {"uses_left", invitation.uses_left}});
}

Result<InvitationRecord> read_invitation(std::string_view record) {
  return read_record<InvitationRecord>(record, [&](json::ObjectReader& reader) {
    InvitationRecord invitation;
    invitation.expires_at = time_from_ms(reader.integer("expires_at_ms", 0, max_count));
    invitation.agent = identity::read_attested(reader);
    invitation.project = reader.string("project", 128);
    invitation.role = reader.string("role", 16);
    invitation.uses_left = static_cast<std::uint32_t>(reader.integer("uses_left", 0, UINT32_MAX));
    return invitation;
  });
}

std::string RevocationRecord::content() const {
  return json::canonicalize(json::Object{{"at", to_rfc3339(at)}, {"id", id}, {"kind", kind}, {"reason", reason}});
}

std::string write_certificate_record(const CertificateRecord& certificate) {
  return json::canonicalize(json::Object{{"ca", certificate.ca},
                                         {"expires_at_ms", to_ms(certificate.expires_at)},
                                         {"key_pin", certificate.key_pin.str()},
                                         {"name", certificate.name}});
}

Result<CertificateRecord> read_certificate_record(std::string_view serial, std::string_view record) {
  auto bytes = from_hex(serial);
  if (!bytes || bytes->empty()) return fail(ErrorKind::corrupt, "its key holds no serial number in hex digits");
  return read_record<CertificateRecord>(record, [&](json::ObjectReader& reader) {
    CertificateRecord certificate;
    certificate.serial = std::move(*bytes);
    certificate.ca = static_cast<std::uint32_t>(reader.integer("ca", 1, 1'000'000));
    certificate.expires_at = time_from_ms(reader.integer("expires_at_ms", 0, max_count));
    certificate.key_pin = reader.digest("key_pin");
    certificate.name = reader.string("name", 512);
    return certificate;
  });
}

std::string write_list_number(std::uint64_t number) {
  return json::canonicalize(json::Object{{"number", number}});
}

Result<std::uint64_t> read_list_number(std::string_view record) {
  return read_record<std::uint64_t>(
      record, [](json::ObjectReader& reader) { return static_cast<std::uint64_t>(reader.integer("number", 1, max_count)); });
}

std::string write_revocation(const RevocationRecord& revocation) {
  return json::canonicalize(json::Object{{"at_ms", to_ms(revocation.at)},
                                         {"client_key", revocation.client_key},
                                         {"id", revocation.id},
                                         {"index", revocation.index},
                                         {"kind", revocation.kind},
                                         {"reason", revocation.reason},
                                         {"salt", to_hex(revocation.salt)}});
}

Result<RevocationRecord> read_revocation(std::string_view record) {
  return read_record<RevocationRecord>(record, [&](json::ObjectReader& reader) {
    RevocationRecord revocation;
    revocation.at = time_from_ms(reader.integer("at_ms", 0, max_count));
    revocation.client_key = reader.string("client_key", 64);
    revocation.id = reader.string("id", max_text);
    revocation.index = static_cast<std::uint64_t>(reader.integer("index", 0, max_count));
    revocation.kind = reader.string("kind", 16);
    revocation.reason = reader.string("reason", max_text);
    if (auto salt = from_hex(reader.string("salt", 64)))
      revocation.salt = std::move(*salt);
    else
      reader.refuse("salt", salt.error().message);
    return revocation;
  });
}

std::string write_event(const EventRecord& event) {
  return json::canonicalize(
      json::Object{{"content", event.content}, {"index", event.index}, {"kind", event.kind}, {"salt", to_hex(event.salt)}});
}

Result<EventRecord> read_event(std::string_view record) {
  return read_record<EventRecord>(record, [&](json::ObjectReader& reader) {
    EventRecord event;
    event.content = reader.string("content", max_text);
    event.index = static_cast<std::uint64_t>(reader.integer("index", 0, max_count));
    event.kind = reader.string("kind", 64);
    if (auto salt = from_hex(reader.string("salt", 64)))
      event.salt = std::move(*salt);
    else
      reader.refuse("salt", salt.error().message);
    return event;
  });
}

std::string write_statement(const StatementRecord& statement) {
  json::Array chain;
  for (const auto& certificate : statement.chain) chain.push_back(to_base64(certificate));
  return json::canonicalize(
      json::Object{{"chain", std::move(chain)}, {"envelope", statement.envelope}, {"index", statement.index}});
}

Result<StatementRecord> read_statement(std::string_view record) {
  return read_record<StatementRecord>(record, [&](json::ObjectReader& reader) {
    StatementRecord statement;
    if (const auto* chain = reader.array("chain", 0, 16))
      for (const auto& certificate : *chain) {
        auto der = certificate.as_string() ? from_base64(*certificate.as_string())
                                           : Result<Bytes>(fail(ErrorKind::corrupt, "no base64"));
        if (der)
          statement.chain.push_back(std::move(*der));
        else
          reader.refuse("chain", der.error().message);
      }
    statement.envelope = reader.string("envelope", max_text);
    statement.index = static_cast<std::uint64_t>(reader.integer("index", 0, max_count));
    return statement;
  });
}

std::string write_reported(const Reported& reported) {
  return json::canonicalize(
      json::Object{{"index", reported.index}, {"leaf", reported.leaf.str()}, {"report", reported.report.str()}});
}

Result<Reported> read_reported(std::string_view record) {
  return read_record<Reported>(record, [](json::ObjectReader& reader) {
    return Reported{reader.digest("report"), reader.digest("leaf"),
                    static_cast<std::uint64_t>(reader.integer("index", 0, max_count))};
  });
}

Result<std::string> open_record(const ContentKey& key, std::string_view place, ByteView sealed) {
  const auto content = key.open(place, sealed);
  if (!content) return fail(content.error());
  return to_text(*content);
}

Status scan_sealed(const Ledger& ledger, std::string_view prefix, const ContentKey& key,
                   const std::function<Status(std::string_view, std::string_view)>& visit) {
  return scan_records(ledger, prefix, [&](std::string_view rest, std::string_view sealed) -> Status {
    const auto record = open_record(key, std::string(prefix) + std::string(rest), as_bytes(sealed));
    if (!record) return fail(record.error());
    return visit(rest, *record);
  });
}

Status scan_records(const Ledger& ledger, std::string_view prefix,
                    const std::function<Status(std::string_view, std::string_view)>& visit) {
  Status outcome;
  const auto scanned = ledger.scan(prefix, [&](std::string_view key, ByteView value) {
    outcome = visit(key.substr(prefix.size()), as_text(value));
    if (!outcome) outcome = fail(outcome.error().kind, "state record " + std::string(key) + ": " + outcome.error().message);
    return outcome.has_value();
  });
  if (!scanned) return scanned;
  return outcome;
}

}  // namespace forgepool::hub
