#include "testing/ledger_checker.hpp"

#include "wire/messages.hpp"

#include <forgepool/merkle.hpp>

#include <algorithm>

namespace forgepool::testing {
namespace {

/// What is written once and stays as it is.
bool is_evidence(std::string_view key) {
  return key.starts_with("receipt/") || key.starts_with("verdict/") || key.starts_with("event/") || key.starts_with("result/");
}

std::string last_part(std::string_view key) {
  return std::string(key.substr(key.rfind('/') + 1));
}

}  // namespace

void LedgerChecker::apply(const StateWrite& write) {
  if (is_evidence(write.key)) {
    expect(write.value.has_value(), write.key + " was erased");
    expect(!state_.contains(write.key), write.key + " was written a second time");
  }
  if (write.key.starts_with("receipt/"))
    expect(receipts_.insert(last_part(write.key)).second, "the receipt of a lease counts twice: " + write.key);
  if (write.key.starts_with("lease/")) leases_.insert(last_part(write.key));
  if (write.value)
    state_.insert_or_assign(write.key, *write.value);
  else
    state_.erase(write.key);
}

void LedgerChecker::apply(const LedgerBatch& batch) {
  for (const auto& leaf : batch.leaves) leaves_.push_back(leaf_hash(leaf));
  for (const auto& write : batch.writes) apply(write);
}

void LedgerChecker::committed(const LedgerBatch& batch, const LedgerHead& head) {
  in_flight_.reset();
  apply(batch);
  expect(head.size == leaves_.size(),
         "after a commit the log has " + std::to_string(head.size) + " leaves; expected " + std::to_string(leaves_.size()));
}

void LedgerChecker::requested(const Peer& peer, const Request& request) {
  if (!peer.name.starts_with(peers_) || request.path != "/v1/agent/result") return;
  if (const auto report = wire::decode<wire::fb::LeaseResultT>(request.body))
    reports_[request.authorization].push_back(report->lease);
}

void LedgerChecker::responded(const Peer& peer, const Request& request, const Response& response) {
  if (!peer.name.starts_with(peers_) || response.status / 100 != 2) return;
  if (request.path == "/v1/agent/result") {
    // A token is for one lease; whatever was reported with it and acknowledged is that lease.
    const auto& leases = reports_[request.authorization];
    expect(
        std::ranges::any_of(leases, [&](const auto& lease) { return receipts_.contains(lease); }),
        "the report of lease " + (leases.empty() ? "?" : leases.back()) + " was acknowledged before its receipt was durable");
  } else if (request.path == "/v1/agent/lease" && !response.body.empty()) {
    if (const auto grant = wire::decode<wire::fb::LeaseGrantT>(response.body))
      expect(leases_.contains(grant->lease), "lease " + grant->lease + " was given out before it was durable");
  } else if (request.path == "/v1/jobs" && request.method == "POST") {
    if (const auto status = wire::decode<wire::fb::JobStatusT>(response.body))
      expect(state_.contains("job/" + status->job), "job " + status->job + " was acknowledged before it was durable");
  }
}

bool LedgerChecker::holds_exactly(const Ledger& ledger) const {
  if (ledger.head().size != leaves_.size()) return false;
  auto expected = state_.begin();
  bool same = true;
  const auto scanned = ledger.scan("", [&](std::string_view key, ByteView value) {
    same = expected != state_.end() && expected->first == key && std::ranges::equal(expected->second, value);
    ++expected;
    return same;
  });
  return scanned && same && expected == state_.end();
}

void LedgerChecker::check(Ledger& ledger) {
  if (in_flight_) {
    // Nobody knows what became of it: all of it is there, or nothing.
    const auto batch = *std::exchange(in_flight_, std::nullopt);
    if (!holds_exactly(ledger)) apply(batch);
  }
  expect(holds_exactly(ledger), "the log of " + std::to_string(ledger.head().size) +
                                    " leaves and the state beside it are not what was made durable (" +
                                    std::to_string(leaves_.size()) + " leaves, " + std::to_string(state_.size()) + " keys)");
  const auto size = std::min<std::uint64_t>(ledger.head().size, leaves_.size());
  expect(ledger.head().root == merkle_root(leaves_), "the log's root is not that of its leaves");
  for (std::uint64_t i = 0; i < size; ++i) {
    const auto leaf = ledger.leaf(i);
    if (leaf && leaf_hash(*leaf) == leaves_[i]) continue;
    expect(false, "leaf " + std::to_string(i) + " is not what was appended");
    break;
  }
  check_proofs(ledger);
}

void LedgerChecker::check_proofs(Ledger& ledger) {
  const LedgerHead head = ledger.head();
  if (head.size == 0 || head.size != leaves_.size()) return;
  for (const std::uint64_t index : {std::uint64_t{0}, head.size / 2, head.size - 1}) {
    const auto path = ledger.prove_inclusion(index, head.size);
    expect(path && verify_inclusion(leaves_[index], index, head, *path),
           "leaf " + std::to_string(index) + " cannot be proved to be in the log");
  }
  const std::uint64_t earlier = std::max<std::uint64_t>(1, head.size / 2);
  const LedgerHead older{earlier, merkle_root(std::span(leaves_).first(earlier))};
  const auto path = ledger.prove_consistency(earlier, head.size);
  expect(path && verify_consistency(older, head, *path), "the log cannot be proved to have grown from its first half");
  const auto note = ledger.checkpoint();
  const auto signed_head = note ? verify_checkpoint(*note, {ledger.origin(), ledger.key()}) : fail(note.error());
  expect(signed_head && signed_head->size == head.size && signed_head->root == head.root,
         "the checkpoint is not one of this log");
}

}  // namespace forgepool::testing
