#pragma once
/// Which user and group of the host the program is, seen from outside (inside it is always box_user and box_group).
#include <forgepool/result.hpp>

#include <sys/types.h>

#include <cstdint>

namespace forgepool::sandbox {

struct BoxIdentity {
  std::uint32_t host_user = 0;
  std::uint32_t host_group = 0;
  /// The agent's own user and group, the only ones that an unprivileged process may map. Then setgroups has to be denied.
  bool own = true;
};

/// The agent's own identity.
BoxIdentity own_identity();

/// For a privileged agent: a user and group that nothing else on the host uses, or the best that its own user namespace has to
/// offer (`uid_map` and `gid_map` as in /proc/self). Boxes that run at once get different ones, told apart by `slot`, so that
/// what the kernel counts per user (pipe buffers, say) is not shared between them. The agent's own if there is no other.
BoxIdentity unused_identity(std::string_view uid_map, std::string_view gid_map, std::uint32_t slot);

}  // namespace forgepool::sandbox
