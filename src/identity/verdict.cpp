#include "identity/verdict.hpp"

#include "identity/statement.hpp"
#include "identity/svid.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace forgepool::identity {
namespace {

constexpr std::string_view predicate_type = "https://slsa.dev/verification_summary/v1";
constexpr std::string_view resource_prefix = "urn:forgepool:shard:";
constexpr std::string_view policy_name = "contract";
constexpr std::size_t max_evidence = 64;
constexpr std::size_t max_rule_bytes = 256;

// --- writing ---------------------------------------------------------------------------------------------------------

std::vector<Resource> subject_of(const ShardVerdict& shard) {
  const std::string name = shard_name(shard.shard.index);
  if (shard.decision != Decision::undecided) return {{name, shard.result}};
  std::vector<Resource> subject;
  for (const auto& answer : shard.evidence)
    if (const Resource resource{name, answer.result}; std::ranges::find(subject, resource) == subject.end())
      subject.push_back(resource);
  return subject;
}

std::vector<std::string> levels_of(const ShardVerdict& shard) {
  if (shard.decision == Decision::undecided) return {};
  return {fmt::format("FORGEPOOL_{}_BY_{}", shard.decision == Decision::failed ? "FAILURE_AGREED" : "AGREED",
                      std::ranges::count(shard.evidence, true, &Evidence::agrees))};
}

std::string resource_uri(const ShardId& shard) {
  return std::string(resource_prefix) + to_string(shard);
}

json::Value to_json(const Verdict& verdict) {
  const auto& shard = verdict.shard;
  const auto levels = levels_of(shard);
  json::Array evidence;
  for (const auto& answer : shard.evidence) {
    json::Object piece{{"agent", answer.agent.str()},
                       {"agrees", answer.agrees},
                       {"checks", answer.trust.checks},
                       {"lease", answer.lease.str()},
                       {"probation", answer.trust.on_probation},
                       {"result", answer.result.str()}};
    if (answer.diverges_at) piece.set("diverges", *answer.diverges_at);
    evidence.push_back(std::move(piece));
  }
  json::Object predicate{{"forgepool_bound", json::Object{{"collusion", verdict.adversary.collusion},
                                                          {"error", shard.error_bound},
                                                          {"fraction", verdict.adversary.fraction}}},
                         {"forgepool_evidence", std::move(evidence)},
                         {"forgepool_rule", shard.rule},
                         {"forgepool_salt", to_hex(verdict.salt)},
                         {"policy", to_json(Resource{std::string(policy_name), verdict.contract})},
                         {"resourceUri", resource_uri(shard.shard)},
                         {"timeVerified", to_rfc3339(verdict.verified_at)},
                         {"verificationResult", shard.decision == Decision::accepted ? "PASSED" : "FAILED"},
                         {"verifiedLevels", json::Array(levels.begin(), levels.end())},
                         {"verifier", json::Object{{"id", verdict.verifier}}}};
  return statement_to_json(subject_of(shard), predicate_type, std::move(predicate));
}

// --- reading ---------------------------------------------------------------------------------------------------------

Result<ShardId> read_resource_uri(std::string_view uri) {
  const auto malformed = [] { return fail(ErrorKind::invalid_input, "expected urn:forgepool:shard:<job>/<index>"); };
  const auto slash = uri.find('/');
  if (!uri.starts_with(resource_prefix) || slash == uri.npos) return malformed();
  const auto job = JobId::parse(uri.substr(resource_prefix.size(), slash - resource_prefix.size()));
  ShardId shard;
  const char* end = uri.data() + uri.size();
  const auto number = std::from_chars(uri.data() + slash + 1, end, shard.index);
  if (!job || number.ec != std::errc() || number.ptr != end) return malformed();
  shard.job = *job;
  if (uri != resource_uri(shard)) return malformed();
  return shard;
}

void read_evidence(json::ObjectReader& reader, ShardVerdict* shard) {
  const auto* list = reader.array("forgepool_evidence", 1, max_evidence);
  for (std::size_t i = 0; list && i < list->size() && reader.ok(); ++i) {
    json::ObjectReader item((*list)[i], json::pointer_to(reader.pointer("forgepool_evidence"), i));
    Evidence answer;
    answer.shard = shard->shard;
    answer.agent = AgentId(item.id("agent"));
    answer.lease = LeaseId(item.id("lease"));
    answer.result = item.digest("result");
    answer.agrees = item.boolean("agrees");
    answer.trust.checks = static_cast<std::uint64_t>(item.integer("checks", 0, json::max_safe_integer));
    answer.trust.on_probation = item.boolean("probation");
    if (item.has("diverges"))
      answer.diverges_at = static_cast<std::uint64_t>(item.integer("diverges", 0, json::max_safe_integer));
    if (auto status = item.finish(); !status) reader.refuse(status.error());
    shard->evidence.push_back(std::move(answer));
  }
}

void read_bound(json::ObjectReader& reader, Verdict* verdict) {
  const auto* value = reader.object("forgepool_bound");
  if (!value) return;
  json::ObjectReader bound(*value, reader.pointer("forgepool_bound"));
  verdict->adversary.collusion = bound.boolean("collusion");
  verdict->shard.error_bound = bound.number("error", 0, 1);
  verdict->adversary.fraction = bound.number("fraction", 0, 1);
  if (auto status = bound.finish(); !status) reader.refuse(status.error());
}

void read_fixed(json::ObjectReader& reader, Verdict* verdict) {
  if (const auto* value = reader.object("verifier")) {
    json::ObjectReader verifier(*value, reader.pointer("verifier"));
    verdict->verifier = verifier.string("id", 512);
    if (const auto id = parse_spiffe_id(verdict->verifier); !id) verifier.refuse("id", id.error().message);
    if (auto status = verifier.finish(); !status) reader.refuse(status.error());
  }
  if (const auto* value = reader.object("policy")) {
    json::ObjectReader policy(*value, reader.pointer("policy"));
    const std::string_view names[] = {policy_name};
    policy.choice("name", names);
    if (const auto* digest = policy.object("digest")) {
      json::ObjectReader set(*digest, policy.pointer("digest"));
      verdict->contract = read_hex_digest(set, "sha256");
      if (auto status = set.finish(); !status) policy.refuse(status.error());
    }
    if (auto status = policy.finish(); !status) reader.refuse(status.error());
  }
  verdict->verified_at = read_time(reader, "timeVerified");
  const auto salt = from_hex(reader.string("forgepool_salt", verdict_salt_bytes * 2, {}, verdict_salt_bytes * 2));
  if (!salt)
    reader.refuse("forgepool_salt", salt.error().message);
  else
    verdict->salt = *salt;
}

}  // namespace

Result<std::string> write_verdict(const Verdict& verdict) {
  if (!json::is_valid_utf8(verdict.shard.rule)) return fail(ErrorKind::invalid_input, "verdict: the rule is not UTF-8");
  std::string text = json::canonicalize(to_json(verdict));
  if (auto read = parse_verdict(text); !read) return fail(read.error());
  return text;
}

Result<Verdict> parse_verdict(std::string_view text) {
  const auto statement = read_statement(text, predicate_type);
  if (!statement) return fail(statement.error());
  Verdict verdict;
  json::ObjectReader reader(statement->predicate(), "/predicate");
  read_fixed(reader, &verdict);
  const auto shard = read_resource_uri(reader.string("resourceUri", 256));
  if (!shard)
    reader.refuse("resourceUri", shard.error().message);
  else
    verdict.shard.shard = *shard;
  constexpr std::string_view results[] = {"PASSED", "FAILED"};
  const bool accepted = reader.choice("verificationResult", results) == 0;
  const auto levels = reader.strings("verifiedLevels", 1, 64);
  verdict.shard.decision = accepted ? Decision::accepted : levels.empty() ? Decision::undecided : Decision::failed;
  verdict.shard.rule = reader.string("forgepool_rule", max_rule_bytes);
  read_bound(reader, &verdict);
  read_evidence(reader, &verdict.shard);
  if (auto status = reader.finish(); !status) return fail(status.error().kind, "verdict: " + status.error().message);
  if (verdict.shard.decision != Decision::undecided) {
    if (statement->subject.size() != 1)
      return fail(ErrorKind::invalid_input, "verdict: expected the accepted output as its only subject");
    verdict.shard.result = statement->subject.front().digest;
    if (std::ranges::none_of(verdict.shard.evidence,
                             [&](const Evidence& answer) { return answer.agrees && answer.result == verdict.shard.result; }))
      return fail(ErrorKind::invalid_input, "verdict: no answer in the evidence that agrees has the accepted output");
  }
  if (statement->subject != subject_of(verdict.shard))
    return fail(ErrorKind::invalid_input, "verdict: /subject: expected each output in question once, by the name of its shard");
  if (levels != levels_of(verdict.shard))
    return fail(ErrorKind::invalid_input, "verdict: /predicate/verifiedLevels: expected the number of answers that agree");
  // Every member was asked for and has one spelling as a JSON value: that JSON has one is all that is left to see.
  if (!statement->canonical) return fail(ErrorKind::invalid_input, "verdict: not in its canonical form");
  return verdict;
}

}  // namespace forgepool::identity
