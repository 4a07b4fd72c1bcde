#include "ledger/batch.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;

TEST_CASE("a prefix ends before the next string that does not start with it") {
  CHECK(end_of_prefix("abc") == "abd");
  CHECK(end_of_prefix("a\xff\xff") == "b");
  CHECK(end_of_prefix("\x7f") == "\x80");
  CHECK(end_of_prefix(std::string("a\0", 2)) == std::string("a\x01", 2));
}

TEST_CASE("the empty prefix and one of only 0xff bytes have no end") {
  CHECK(end_of_prefix("") == std::nullopt);
  CHECK(end_of_prefix("\xff\xff") == std::nullopt);
}

TEST_CASE("a batch with one leaf too long is refused with its index and the limit") {
  LedgerBatch batch{.leaves = {Bytes(max_leaf_bytes), Bytes(max_leaf_bytes + 1)}, .writes = {}};
  const auto checked = check_batch(batch);
  REQUIRE_FALSE(checked);
  CHECK(checked.error().kind == ErrorKind::too_large);
  CHECK(checked.error().message.find("leaf 1 ") != std::string::npos);
  CHECK(checked.error().message.find("65535") != std::string::npos);
  batch.leaves.pop_back();
  CHECK(check_batch(batch));
}
