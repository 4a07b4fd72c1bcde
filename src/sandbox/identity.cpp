#include "sandbox/identity.hpp"

#include "sandbox/box_plan.hpp"
#include "sandbox/unique_fd.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <sstream>

namespace forgepool::sandbox {
namespace {

// Above the ranges that distributions hand out to people, services and containers, and below the sign bit.
constexpr std::uint64_t first_unused_id = 1'900'000'000;
constexpr std::uint32_t slots = 65'536;

/// The id for a slot within one /proc/self/uid_map or gid_map.
std::optional<std::uint32_t> id_within(std::string_view map, std::uint32_t slot) {
  std::istringstream lines{std::string(map)};
  std::uint64_t first = 0, outside = 0, count = 0;
  std::optional<std::uint32_t> last;
  while (lines >> first >> outside >> count) {
    if (first <= first_unused_id && first_unused_id + slots <= first + count)
      return static_cast<std::uint32_t>(first_unused_id + slot % slots);
    // Inside a container there are few ids; the last ones are the least likely to belong to anyone.
    if (count > slot + 2u)
      last = static_cast<std::uint32_t>(first + count - 2 - slot);
    else if (count > 2)
      last = static_cast<std::uint32_t>(first + count - 2);
  }
  return last;
}

}  // namespace

BoxIdentity own_identity() {
  return {geteuid(), getegid(), true};
}

BoxIdentity unused_identity(std::string_view uid_map, std::string_view gid_map, std::uint32_t slot) {
  const auto user = id_within(uid_map, slot);
  const auto group = id_within(gid_map, slot);
  if (!user || !group) return own_identity();
  return {*user, *group, false};
}

}  // namespace forgepool::sandbox
