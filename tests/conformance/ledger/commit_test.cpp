#include "backends.hpp"

using namespace forgepool;
using namespace forgepool::test;

TEST_CASE("a new log is empty and knows who it is") {
  FOR_EACH_LEDGER(ledger);
  CHECK(ledger.origin() == test_origin);
  CHECK(ledger.key() == test_key()->public_key());
  CHECK(ledger.head().size == 0);
  CHECK(ledger.head().root == merkle_root({}));
  CHECK(ledger.leaf(0).error().kind == ErrorKind::not_found);
  CHECK(verify_checkpoint(*ledger.checkpoint(), {test_origin, ledger.key()})->size == 0);
}

TEST_CASE("a log is not made with an origin or key that cannot sign its checkpoints") {
  const Folder folder;
  const auto p256 = *generate_key(KeyAlgorithm::ecdsa_p256);
  const auto refused = [&](const std::string& origin, const std::shared_ptr<Signer>& key) {
    const auto in_memory = make_memory_ledger(origin, key);
    const auto in_file = open_sqlite_ledger({.path = folder.file(), .origin = origin, .key = key});
    return !in_memory && in_memory.error().kind == ErrorKind::invalid_input && !in_file &&
           in_file.error().kind == ErrorKind::invalid_input;
  };
  CHECK(refused("", test_key()));
  CHECK(refused("two words", test_key()));
  CHECK(refused("a+b", test_key()));
  CHECK(refused(test_origin, nullptr));
  CHECK(refused(test_origin, p256));
  CHECK_FALSE(std::filesystem::exists(folder.file()));
}

TEST_CASE("leaves get the indices up to the head that commit returns, and keep their bytes") {
  FOR_EACH_LEDGER(ledger);
  std::uint64_t size = 0;
  for (const std::uint64_t count : {1, 2, 253, 1, 300, 0, 5}) {
    const auto head = ledger.commit(numbered_leaves(size, count));
    REQUIRE(head);
    size += count;
    CHECK(head->size == size);
    CHECK(head->root == merkle_root(numbered_hashes(size)));
    CHECK(ledger.head().size == size);
    CHECK(ledger.head().root == head->root);
  }
  for (std::uint64_t i = 0; i < size; ++i) REQUIRE(ledger.leaf(i) == numbered_leaf(i));
  CHECK(ledger.leaf(size).error().kind == ErrorKind::not_found);
  CHECK(ledger.leaf(UINT64_MAX).error().kind == ErrorKind::not_found);
}

TEST_CASE("leaves may be empty, binary, alike and as long as the limit") {
  FOR_EACH_LEDGER(ledger);
  Bytes all(256);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i);
  const LedgerBatch batch{.leaves = {{}, {}, all, Bytes(max_leaf_bytes, 0xff)}, .writes = {}};
  REQUIRE(ledger.commit(batch));
  for (std::size_t i = 0; i < batch.leaves.size(); ++i) CHECK(ledger.leaf(i) == batch.leaves[i]);
}

TEST_CASE("a batch with one leaf too long changes nothing at all") {
  FOR_EACH_LEDGER(ledger);
  REQUIRE(ledger.commit({.leaves = {numbered_leaf(0)}, .writes = {{"kept", to_bytes("1")}}}));
  const LedgerHead before = ledger.head();
  const auto refused = ledger.commit({.leaves = {numbered_leaf(1), Bytes(max_leaf_bytes + 1), numbered_leaf(2)},
                                      .writes = {{"new", to_bytes("2")}, {"kept", std::nullopt}}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::too_large);
  CHECK(ledger.head().size == before.size);
  CHECK(ledger.head().root == before.root);
  CHECK(ledger.leaf(1).error().kind == ErrorKind::not_found);
  CHECK(scan_all(ledger) == State{{"kept", "1"}});
  CHECK(ledger.commit(numbered_leaves(1, 1))->root == merkle_root(numbered_hashes(2)));
}

TEST_CASE("an empty batch and one of state only leave the log alone") {
  FOR_EACH_LEDGER(ledger);
  REQUIRE(ledger.commit(numbered_leaves(0, 3)));
  const LedgerHead before = ledger.head();
  CHECK(ledger.commit({})->size == 3);
  CHECK(ledger.commit({.leaves = {}, .writes = {{"k", to_bytes("v")}}})->root == before.root);
  CHECK(ledger.read("k") == to_bytes("v"));
}

TEST_CASE("checkpoints verify with the log's key, follow the head and fit each other") {
  FOR_EACH_LEDGER(ledger);
  const VerifierKey verifier = *parse_vkey(to_vkey(ledger.origin(), ledger.key()));
  LedgerHead older;
  for (std::uint64_t size = 0; size < 20; ++size) {
    const auto note = ledger.checkpoint();
    REQUIRE(note);
    CHECK(ledger.checkpoint() == note);
    const auto head = verify_checkpoint(*note, verifier);
    REQUIRE(head);
    CHECK(head->size == size);
    CHECK(head->root == merkle_root(numbered_hashes(size)));
    if (older.size > 0) CHECK(verify_consistency(older, *head, *ledger.prove_consistency(older.size, head->size)));
    CHECK_FALSE(verify_checkpoint(*note, {ledger.origin(), (*generate_key(KeyAlgorithm::ed25519))->public_key()}));
    older = *head;
    REQUIRE(ledger.commit(numbered_leaves(size, 1)));
  }
}

TEST_CASE("a key whose home fails makes no checkpoint, and harms nothing else") {
  class LostKey final : public Signer {
   public:
    const PublicKey& public_key() const override { return test_key()->public_key(); }
    Result<Bytes> sign(ByteView) const override { return fail(ErrorKind::unavailable, "the token was unplugged"); }
  };
  const auto ledger = *make_memory_ledger(test_origin, std::make_shared<LostKey>());
  CHECK(ledger->checkpoint().error().kind == ErrorKind::unavailable);
  CHECK(ledger->commit(numbered_leaves(0, 1)));
}
