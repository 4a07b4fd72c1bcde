#include "sandbox/identity.hpp"

#include <catch2/catch_test_macros.hpp>

#include <unistd.h>

namespace forgepool::sandbox {
namespace {

constexpr auto whole_host = "         0          0 4294967295\n";

TEST_CASE("a privileged agent's boxes get users that nobody else has, different ones at the same time") {
  const auto first = unused_identity(whole_host, whole_host, 0);
  const auto second = unused_identity(whole_host, whole_host, 1);
  CHECK_FALSE(first.own);
  CHECK(first.host_user >= 1'900'000'000);
  CHECK(first.host_user != second.host_user);
  CHECK(unused_identity(whole_host, whole_host, 0xffffffff).host_user < 1'900'100'000);
}

TEST_CASE("inside a container the last of its users is taken") {
  const auto container = "0 100000 65536\n";
  const auto identity = unused_identity(container, container, 0);
  CHECK_FALSE(identity.own);
  CHECK(identity.host_user == 65534);
  CHECK(unused_identity(container, container, 3).host_user == 65531);
}

TEST_CASE("where only the own user is mapped it is used") {
  const auto identity = unused_identity("0 1000 1\n", "0 1000 1\n", 0);
  CHECK(identity.own);
  CHECK(identity.host_user == geteuid());
  CHECK(unused_identity("", "", 0).own);
  CHECK(unused_identity("garbage", whole_host, 0).own);
}

}  // namespace
}  // namespace forgepool::sandbox
