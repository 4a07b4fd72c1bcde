/// The facts of a verified bundle.
#include "audit/audited_bundle.hpp"
#include "base/checked_arithmetic.hpp"
#include "wire/json_reader.hpp"

#include <forgepool/audit_report.hpp>

#include <algorithm>

namespace forgepool {
namespace {

using namespace audit;

/// A member of an event's content, which is known to be an object; null if it has none of this name.
const json::Value* member(const json::Value& content, std::string_view key) {
  const auto* object = content.as_object();
  return object ? object->find(key) : nullptr;
}

std::string text(const json::Value* content, std::string_view key) {
  const auto* value = content ? member(*content, key) : nullptr;
  const auto* found = value ? value->as_string() : nullptr;
  return found ? *found : "";
}

/// What the ledger says about each lease.
struct Grant {
  std::uint64_t entry = 0;
  Admission admitted;
};

class EventFacts {
 public:
  EventFacts(const std::vector<wire::BundleEvent>& events, JobRecord& record) : record_(record) {
    for (const auto& event : events) {
      record.events.push_back({event.position.index, event.kind, event.content});
      // They were read strictly when the bundle was verified.
      if (const auto content = json::parse_canonical(event.content, event.content.size())) read(event, *content);
    }
    std::ranges::sort(record.events, {}, &RecordedEvent::entry);
  }
  Grant grant(const std::string& lease) const {
    const auto found = grants_.find(lease);
    return found == grants_.end() ? Grant{} : found->second;
  }

 private:
  void read(const wire::BundleEvent& event, const json::Value& content) {
    if (event.kind == "lease") {
      const auto* admitted = member(content, "admitted");
      grants_[text(&content, "lease")] = {event.position.index,
                                          {text(admitted, "region"), text(admitted, "tier"), text(admitted, "data_class")}};
    } else if (event.kind == "quarantine") {
      if (const auto* shard = member(content, "shard"); shard && shard->as_integer())
        record_.quarantined[text(&content, "agent")] = static_cast<std::uint32_t>(*shard->as_integer());
    } else if (event.kind == "residency") {
      record_.residency.hub_region = text(&content, "hub_region");
      record_.residency.profile = text(&content, "profile");
    }
  }

  JobRecord& record_;
  std::map<std::string, Grant> grants_;
};

RecordedReceipt facts(const ReceiptRecord& checked, const EventFacts& events) {
  const identity::Receipt& receipt = checked.receipt;
  RecordedReceipt record;
  record.entry = checked.index;
  record.agent = receipt.agent;
  record.lease = receipt.lease.str();
  const Grant grant = events.grant(record.lease);
  record.lease_entry = grant.entry;
  record.admitted = grant.admitted;
  record.sandbox = receipt.sandbox;
  record.level = to_string(receipt.level);
  record.determinism = to_string(receipt.determinism);
  record.numeric_class = receipt.numeric_class;
  record.shards = static_cast<std::uint32_t>(receipt.shards.size());
  for (const auto& shard : receipt.shards) {
    record.ended_well += shard.output.has_value();
    record.cpu_ms = saturating_add(record.cpu_ms, shard.usage.cpu_ms);
  }
  record.started_at = receipt.started_at;
  record.finished_at = receipt.finished_at;
  return record;
}

RecordedVerdict facts(const VerdictRecord& checked) {
  const ShardVerdict& verdict = checked.verdict;
  return {checked.index,
          verdict.shard.index,
          verdict.result,
          verdict.rule,
          static_cast<std::uint32_t>(verdict.evidence.size()),
          checked.support,
          verdict.error_bound,
          checked.verified_at};
}

}  // namespace

Time JobRecord::began() const {
  const auto first = std::ranges::min_element(receipts, {}, &RecordedReceipt::started_at);
  return first == receipts.end() ? Time{} : first->started_at;
}

Time JobRecord::ended() const {
  Time end = began();
  for (const auto& receipt : receipts) end = std::max(end, receipt.finished_at);
  for (const auto& verdict : verdicts) end = std::max(end, verdict.verified_at);
  return end;
}

Result<JobRecord> record_job(std::string_view bundle, std::string_view trusted_root, const AuditAids& aids) {
  auto audited = audit_bundle(bundle, trusted_root, aids);
  if (!audited) return fail(audited.error());
  JobRecord record;
  record.report = std::move(audited->report);
  const Contract& contract = audited->computation.contract;
  record.operation = contract.op.name + "@" + contract.op.version + " " + contract.op.profile;
  record.policy = contract.policy;
  record.residency = {contract.policy.regions, contract.policy.target, contract.policy.data_class, "", ""};
  const EventFacts events(audited->bundle.events, record);
  for (const auto& receipt : audited->receipts) record.receipts.push_back(facts(receipt, events));
  std::ranges::sort(record.receipts, {}, &RecordedReceipt::entry);
  for (const auto& verdict : audited->verdicts.by_shard) record.verdicts.push_back(facts(verdict));
  record.log_origin = audited->log_key.name;
  record.head = audited->head;
  record.checkpoint = std::move(audited->bundle.checkpoint);
  return record;
}

}  // namespace forgepool
