#include "sandbox_support.hpp"

#include <catch2/catch_test_macros.hpp>

#include <unistd.h>

namespace forgepool::sandbox_test {
namespace {

TEST_CASE("everything holds for an agent without privileges", "[as-root]") {
  if (geteuid() != 0) SKIP("this is the run without privileges");
  CHECK(run_again_unprivileged({"--colour-mode", "none", "~[as-root]"}) == 0);
}

TEST_CASE("an agent without privileges in delegated cgroups limits the whole group too", "[as-root]") {
  if (geteuid() != 0) SKIP("this is the run without privileges");
  const auto folders = DelegatedGroups::make();
  const DelegatedGroups groups(folders);
  if (folders.size() < 3) SKIP("no cgroups of version 1 that could be delegated");
  CHECK(run_again_unprivileged({"--colour-mode", "none", "[delegated],a hostile program ends as it must"}, folders) == 0);
}

TEST_CASE("delegated cgroups are enough for the highest level", "[.delegated]") {
  CHECK(linux_sandbox().level() == SandboxLevel::full);
}

TEST_CASE("an agent without privileges and without a delegated group reaches the level of namespaces and no more",
          "[unprivileged]") {
  if (geteuid() == 0) SKIP("runs as the user without privileges only");
  CHECK(linux_sandbox().level() == SandboxLevel::namespaces);
  const auto refused = open_linux_sandbox({SandboxLevel::full});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::unsupported);
  INFO(refused.error().message);
  CHECK(refused.error().message.find("cgroup") != std::string::npos);
}

}  // namespace
}  // namespace forgepool::sandbox_test
