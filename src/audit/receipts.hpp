#pragma once
/// What agents signed: every receipt is traced to the CA, to the plan and to the ledger.
#include "audit/anchors.hpp"
#include "audit/events.hpp"
#include "audit/trail.hpp"

#include "identity/receipt.hpp"

#include <unordered_map>
#include <unordered_set>

namespace forgepool::audit {

/// One agent's receipted answer for one shard.
struct Answer {
  AgentId agent;
  LeaseId lease;
  Digest result;
  std::uint64_t index = 0;  ///< Of the receipt in the ledger.
  bool failed = false;      ///< The result says how the execution ended; there is no output.
};

/// A receipt that holds, and whose it is.
struct ReceiptRecord {
  identity::Receipt receipt;
  PublicKey key;            ///< Its signer's.
  std::uint64_t index = 0;  ///< In the ledger.
};

class Receipts {
 public:
  void add(std::uint32_t shard, Answer answer) {
    if (answer.failed) failures_.insert(answer.result);
    answers_[shard].push_back(std::move(answer));
  }
  void add(ReceiptRecord record) { records_.push_back(std::move(record)); }
  /// All, in the order of the bundle; they are the caller's now.
  std::vector<ReceiptRecord> take_records() { return std::move(records_); }
  /// Digests that say how an execution ended.
  const std::unordered_set<Digest>& failures() const { return failures_; }
  /// In the order of the bundle; empty if there are none.
  const std::vector<Answer>& answers(std::uint32_t shard) const;
  /// Null unless that agent returned `result` for the shard under that lease.
  const Answer* find(std::uint32_t shard, const AgentId& agent, const LeaseId& lease, const Digest& result) const;

 private:
  std::unordered_map<std::uint32_t, std::vector<Answer>> answers_;
  std::unordered_set<Digest> failures_;
  std::vector<ReceiptRecord> records_;
};

/// Checks each receipt: the certificates lead to the CA and are those of an agent, and were in force when it was signed; the
/// envelope is signed by that key, with which the agent enrolled; the statement is about this job (by its pseudonym), adapter
/// and parameters; it is in the ledger, after the plan; no lease has two.
Result<Receipts> check_receipts(const wire::Bundle& bundle, const Anchors& anchors, const Computation& computation,
                                const Events& events, LogProofs& log, Trail& trail);

}  // namespace forgepool::audit
