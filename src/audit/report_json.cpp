/// The facts of a scope as one JSON document.
#include "wire/json.hpp"

#include <forgepool/audit_report.hpp>

namespace forgepool {
namespace {

using json::Array;
using json::Object;
using json::Value;

constexpr std::string_view media_type = "application/vnd.forgepool.audit-report+json;version=1";

Array strings(const std::vector<std::string>& items) {
  return {items.begin(), items.end()};
}

Object to_json(const LedgerHead& head) {
  return {{"root", head.root.str()}, {"size", head.size}};
}

Value content_of(const RecordedEvent& event) {
  auto content = json::parse(event.content, event.content.size());
  return content ? std::move(*content) : Value(event.content);
}

Array events_of(const JobRecord& job) {
  Array list;
  for (const auto& event : job.events)
    list.push_back(Object{{"content", content_of(event)}, {"entry", event.entry}, {"kind", event.kind}});
  return list;
}

Array receipts_of(const JobRecord& job) {
  Array list;
  for (const auto& receipt : job.receipts)
    list.push_back(Object{{"admitted", Object{{"data_class", receipt.admitted.data_class},
                                              {"region", receipt.admitted.region},
                                              {"tier", receipt.admitted.tier}}},
                          {"agent", receipt.agent},
                          {"cpu_ms", receipt.cpu_ms},
                          {"determinism", receipt.determinism},
                          {"ended_well", receipt.ended_well},
                          {"entry", receipt.entry},
                          {"finished_at", to_rfc3339(receipt.finished_at)},
                          {"lease", receipt.lease},
                          {"lease_entry", receipt.lease_entry},
                          {"level", receipt.level},
                          {"numeric_class", receipt.numeric_class},
                          {"sandbox", receipt.sandbox},
                          {"shards", receipt.shards},
                          {"started_at", to_rfc3339(receipt.started_at)}});
  return list;
}

Array verdicts_of(const JobRecord& job) {
  Array list;
  for (const auto& verdict : job.verdicts)
    list.push_back(Object{{"accepted", verdict.accepted.str()},
                          {"agree", verdict.agree},
                          {"answers", verdict.answers},
                          {"entry", verdict.entry},
                          {"error_bound", verdict.error_bound},
                          {"rule", verdict.rule},
                          {"shard", verdict.shard},
                          {"verified_at", to_rfc3339(verdict.verified_at)}});
  return list;
}

Object to_json(const JobRecord& job) {
  const AuditReport& report = job.report;
  Array checks;
  for (const auto& check : report.checks) checks.push_back(Object{{"detail", check.detail}, {"name", check.name}});
  Array unchecked;
  for (const auto& check : report.unchecked) unchecked.push_back(Object{{"detail", check.detail}, {"name", check.name}});
  Object quarantined;
  for (const auto& [agent, shard] : job.quarantined) quarantined.set(agent, shard);
  return {{"adapter", report.adapter.str()},
          {"adversary", Object{{"collusion", report.adversary.collusion}, {"fraction", report.adversary.fraction}}},
          {"agents", strings(report.agents)},
          {"began_at", to_rfc3339(job.began())},
          {"checkpoint", job.checkpoint},
          {"checks", std::move(checks)},
          {"contract", report.contract.str()},
          {"ended_at", to_rfc3339(job.ended())},
          {"error_bound", report.error_bound},
          {"events", events_of(job)},
          {"expected_wrong", report.expected_wrong},
          {"job", report.job.str()},
          {"ledger", to_json(job.head)},
          {"log", job.log_origin},
          {"operation", job.operation},
          {"plan", report.plan.str()},
          {"quarantined", std::move(quarantined)},
          {"receipts", receipts_of(job)},
          {"rejected", strings(report.rejected)},
          {"residency", Object{{"data_class", job.residency.data_class},
                               {"hub_region", job.residency.hub_region},
                               {"profile", job.residency.profile},
                               {"regions", strings(job.residency.regions)},
                               {"target", job.residency.target}}},
          {"result", report.result.str()},
          {"shards", report.shards},
          {"unchecked", std::move(unchecked)},
          {"unpinned", strings(report.unpinned)},
          {"verdicts", verdicts_of(job)},
          {"verify", to_string(job.policy.verify)}};
}

}  // namespace

std::string write_audit_report_json(const AuditScope& scope) {
  Array jobs;
  for (const JobRecord& job : scope.jobs) jobs.push_back(to_json(job));
  Object report{{"jobs", std::move(jobs)},
                {"made_at", to_rfc3339(scope.made_at)},
                {"mediaType", media_type},
                {"title", scope.title},
                {"trust_domain", scope.trust_domain}};
  if (scope.log)
    report.set("log", Object{{"bundle_checkpoints", scope.log->bundle_checkpoints},
                             {"earlier_checkpoints", scope.log->earlier_checkpoints},
                             {"head", to_json(scope.log->head)},
                             {"origin", scope.log->origin},
                             {"witness_quorum", scope.log->witness_quorum}});
  return json::canonicalize(std::move(report)) + "\n";
}

}  // namespace forgepool
