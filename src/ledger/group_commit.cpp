#include "ledger/group_commit.hpp"

#include <forgepool/merkle.hpp>

namespace forgepool {

std::vector<const LedgerBatch*> append_group(const std::vector<GroupCommit::Waiting*>& group, Tree& tree,
                                             std::vector<FullTile>& filled) {
  std::vector<const LedgerBatch*> batches;
  for (GroupCommit::Waiting* each : group) {
    if (each->batch->leaves.size() > Tree::max_size - tree.size()) {
      each->result = fail(ErrorKind::too_large, "the log is full");
      continue;
    }
    for (const Bytes& leaf : each->batch->leaves) tree.append(leaf_hash(leaf), filled);
    each->result = tree.head();
    batches.push_back(each->batch);
  }
  return batches;
}

}  // namespace forgepool
