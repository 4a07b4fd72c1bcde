#include "sandbox/limits.hpp"

#include <catch2/catch_test_macros.hpp>

#include <sys/resource.h>

namespace forgepool::sandbox {
namespace {

PlannedLimit find(const std::vector<PlannedLimit>& limits, int resource) {
  for (const auto& limit : limits)
    if (limit.resource == static_cast<std::uint32_t>(resource)) return limit;
  FAIL("no limit for resource " << resource);
  return {};
}

TEST_CASE("CPU time is rounded up to the kernel's seconds") {
  SandboxLimits limits;
  for (const auto& [cpu_ms, seconds] : {std::pair{1u, 1u}, {1000u, 1u}, {1001u, 2u}, {60'000u, 60u}}) {
    limits.cpu_ms = cpu_ms;
    const auto limit = find(resource_limits(limits, true), RLIMIT_CPU);
    CHECK(limit.soft == seconds);
    CHECK(limit.hard == seconds + 1);
  }
}

TEST_CASE("the address space is the limit of memory only where no group is") {
  SandboxLimits limits;
  limits.memory_bytes = 100u << 20;
  CHECK(find(resource_limits(limits, false), RLIMIT_AS).hard == 100u << 20);
  CHECK(find(resource_limits(limits, true), RLIMIT_AS).hard > 200u << 20);
}

TEST_CASE("limits beyond all measure do not overflow") {
  SandboxRequest request;
  request.limits = {~0ull, ~0ull, ~0ull, ~0u, ~0ull, ~0u, ~0ull};
  const auto limits = resource_limits(request.limits, true);
  CHECK(limits.size() <= max_planned_limits);
  for (const auto& limit : limits) CHECK(limit.soft <= limit.hard);
  CHECK(find(limits, RLIMIT_CPU).soft > 1'000'000);
  CHECK(find(limits, RLIMIT_AS).soft >= 1ull << 46);
  CHECK(out_size(request.limits).bytes > 1ull << 40);
  CHECK(tmp_size(request.limits).bytes > 1ull << 40);
}

TEST_CASE("the file systems have room for what is allowed") {
  SandboxRequest request;
  request.limits.output_bytes = 10;
  request.limits.output_files = 3;
  CHECK(out_size(request.limits).bytes >= 3 * page_bytes);
  CHECK(out_size(request.limits).inodes > 4);
  request.files.push_back({"f", std::make_shared<const Bytes>(5000), false});
  CHECK(in_size(request).bytes >= 2 * page_bytes);
}

}  // namespace
}  // namespace forgepool::sandbox
