#pragma once
/// The ledger as a bundle shows it: a signed head, and the leaves that are proved to stand below it.
#include "wire/bundle.hpp"

#include <forgepool/merkle.hpp>

#include <unordered_set>

namespace forgepool::audit {

class LogProofs {
 public:
  /// Checks the checkpoint's form, origin and signature.
  static Result<LogProofs> open(std::string_view checkpoint, const std::vector<VerifierKey>& log_keys);

  /// Checks that `leaf` stands at its position. `where` names it in errors. For any number of threads.
  Status prove(const std::string& where, ByteView leaf, const wire::LogPosition& position) const;
  /// Checks that nothing else of the bundle claimed that position.
  Status claim(const std::string& where, const wire::LogPosition& position);

  const LedgerHead& head() const { return head_; }
  /// The one that signed the checkpoint.
  const VerifierKey& key() const { return key_; }

 private:
  LogProofs(const LedgerHead& head, const VerifierKey& key) : head_(head), key_(key) {}

  LedgerHead head_;
  VerifierKey key_;
  std::unordered_set<std::uint64_t> claimed_;
};

}  // namespace forgepool::audit
