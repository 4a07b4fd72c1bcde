// A hub that shows receipts for what they were not signed for.
#include "lies.hpp"

namespace forgepool {
namespace {

using testing::named;
using testing::Story;

/// As `tell`, but bob signed his first receipt for something else, under the same pseudonym.
void tell_with(Story& story, const Digest& signed_for) {
  story.contract_event();
  story.plan_event();
  const std::map<std::uint32_t, Bytes> right{{0, story.right(0)}, {1, story.right(1)}, {2, story.right(2)}};
  story.receipt("alice", "l-a", right);
  story.receipt("bob", "l-b", right, [&](identity::Receipt& receipt) { receipt.contract = signed_for; });
  for (std::uint32_t i = 0; i < 3; ++i)
    story.verdict(i, story.right(i), {{"alice", "l-a", story.right(i)}, {"bob", "l-b", story.right(i)}});
  story.result_event();
}

}  // namespace

TEST_CASE("a receipt from another job, given the same pseudonym, is refused") {
  Story story;
  tell_with(story, identity::commit_to_contract(story.contract_salt.bytes, story.contract.digest, JobId("job-0")));
  named(story, "receipt_contract");
}

TEST_CASE("a receipt that was signed for another contract is refused") {
  Story story;
  tell_with(story, identity::commit_to_contract(story.contract_salt.bytes, sha256("another contract"), story.job));
  named(story, "receipt_contract");
}

TEST_CASE("a receipt that was signed under another salt is refused: a bundle opens one commitment for all") {
  Story story;
  tell_with(story, identity::commit_to_contract(Bytes(32, 9), story.contract.digest, story.job));
  named(story, "receipt_contract");
}

}  // namespace forgepool
