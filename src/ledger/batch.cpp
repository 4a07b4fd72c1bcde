#include "ledger/batch.hpp"

namespace forgepool {

Status check_batch(const LedgerBatch& batch) {
  for (std::size_t i = 0; i < batch.leaves.size(); ++i) {
    if (batch.leaves[i].size() > max_leaf_bytes)
      return fail(ErrorKind::too_large, "leaf " + std::to_string(i) + " of the batch has " +
                                            std::to_string(batch.leaves[i].size()) + " bytes, a leaf may have " +
                                            std::to_string(max_leaf_bytes) + ": log a digest instead");
  }
  for (const StateWrite& write : batch.writes) {
    const std::size_t size = write.key.size() + (write.value ? write.value->size() : 0);
    if (size > max_state_bytes)
      return fail(ErrorKind::too_large, "a key and its value have " + std::to_string(size) + " bytes, they may have " +
                                            std::to_string(max_state_bytes) + ": store a digest instead");
  }
  return {};
}

tl::unexpected<Error> no_such_leaf(std::uint64_t index, std::uint64_t size) {
  return fail(ErrorKind::not_found, "no leaf " + std::to_string(index) + " in a log of " + std::to_string(size) + " leaves");
}

std::optional<std::string> end_of_prefix(std::string_view prefix) {
  while (prefix.ends_with('\xff')) prefix.remove_suffix(1);
  if (prefix.empty()) return std::nullopt;
  std::string end(prefix);
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace forgepool
