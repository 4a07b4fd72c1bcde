#include "audit/log_proofs.hpp"

#include "audit/trail.hpp"

namespace forgepool::audit {
namespace {

std::string leaf_name(const std::string& where, const wire::LogPosition& position) {
  return where + ": leaf " + std::to_string(position.index);
}

}  // namespace

Result<LogProofs> LogProofs::open(std::string_view checkpoint, const std::vector<VerifierKey>& log_keys) {
  Result<LedgerHead> head = fail(ErrorKind::corrupt, "there is no key of the log");
  for (const auto& key : log_keys) {
    auto opened = verify_checkpoint(checkpoint, key);
    if (opened) return LogProofs(*opened, key);
    if (&key == &log_keys.front()) head = std::move(opened);
  }
  return refute("/checkpoint", "checkpoint_not_the_logs", head.error().message);
}

Status LogProofs::prove(const std::string& where, ByteView leaf, const wire::LogPosition& position) const {
  if (position.index >= head_.size)
    return refute(leaf_name(where, position), "not_in_log",
                  "is not in the ledger of " + std::to_string(head_.size) +
                      " leaves that the checkpoint is for; is the checkpoint an older one?");
  if (const auto proved = verify_inclusion(leaf_hash(leaf), position.index, head_, position.path); !proved)
    return refute(leaf_name(where, position), "not_in_log",
                  "its inclusion in the ledger is not proved: " + proved.error().message);
  return {};
}

Status LogProofs::claim(const std::string& where, const wire::LogPosition& position) {
  if (!claimed_.insert(position.index).second)
    return refute(leaf_name(where, position), "leaf_twice", "stands twice in the bundle");
  return {};
}

}  // namespace forgepool::audit
