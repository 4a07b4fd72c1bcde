#include "crypto/random.hpp"
#include "crypto/secret.hpp"

#include <forgepool/ids.hpp>

#include <catch2/catch_test_macros.hpp>

#include <set>

using namespace forgepool;

TEST_CASE("random ids are valid ids of 128 bits and do not repeat") {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto id = random_id("a-");
    CHECK(is_valid_id(id));
    CHECK(id.size() == 28);
    CHECK(seen.insert(id).second);
  }
}

TEST_CASE("an id spells its bytes in lower-case base32") {
  CHECK(id_from_random("", {}) == std::string(26, 'a'));
  std::array<std::uint8_t, 16> ones;
  ones.fill(0xff);
  CHECK(id_from_random("", ones) == std::string(25, '7') + "4");  // 128 bits and two zero bits.
}

TEST_CASE("comparison in constant time agrees with plain comparison") {
  CHECK(equal_in_constant_time(as_bytes("abc"), as_bytes("abc")));
  CHECK(equal_in_constant_time({}, {}));
  CHECK_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("abd")));
  CHECK_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("abcd")));
}

TEST_CASE("a moved-from secret holds nothing") {
  SecretBytes secret(to_bytes("hidden"));
  const SecretBytes taken = std::move(secret);
  CHECK(taken.text() == "hidden");
  CHECK(secret.empty());  // NOLINT(bugprone-use-after-move): that is the point.
}
