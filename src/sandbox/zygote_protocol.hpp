#pragma once
/// What the supervisor (in the agent) and the zygote say to each other: the process of ours (box_init/zygote.cpp) that boxes
/// are forked from. It stands in namespaces which hold nothing but the root that every box begins with, so a box needs neither
/// an exec nor a root of its own, and nothing of the agent's is ever near it. Both sides come from the same build. Usable
/// without the standard library.
#include "sandbox/box_plan.hpp"

namespace forgepool::sandbox {

/// The zygote's argv[0].
constexpr const char* zygote_name = "forgepool-zygote";

/// The zygote's own descriptors; those below come and go with orders.
constexpr int zygote_control_fd = plan_program_fd + 1;  ///< SOCK_SEQPACKET to the supervisor.
constexpr int zygote_proc_fd = plan_program_fd + 2;     ///< The /proc of the supervisor.

/// To the zygote: one box, please. With the box's control socket (its end), and the folder of a v2 group if `clone_into`.
struct BoxOrder {
  std::uint32_t host_user;  ///< As seen from the zygote's user namespace, which maps every id to itself.
  std::uint32_t host_group;
  std::uint32_t deny_groups;
  std::uint32_t clone_into;
};
constexpr std::uint32_t max_order_fds = 2;

/// From the zygote: for each order on the box's control socket, before anything that the box itself says there; and once on its
/// own when it is ready. With a pidfd of the box's first process, which is a child of the supervisor, if there is one, also if
/// something failed later.
struct BoxStarted {
  BoxFailure failure;
  std::int32_t pid;  ///< As the supervisor sees it.
};
constexpr int box_started_fd_count = 1;

/// To the box: what it starts with, which the supervisor prepares while the box is made: the descriptors from plan_stdin_fd on
/// (plan_control_fd, which is there, left out; the `cgroup_count` ones of v1 groups included), then the program's image.
struct BoxEquipment {
  std::uint32_t cgroup_count;
};
constexpr std::uint32_t max_join_fds = 8;
constexpr std::uint32_t max_equipment_fds = plan_cgroup_fd + max_join_fds;

}  // namespace forgepool::sandbox
