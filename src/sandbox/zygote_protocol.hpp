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

/// The most v1 `tasks` files.
constexpr std::uint32_t max_join_fds = 8;

/// To the zygote: one box, please. With the descriptors that the box's first process starts with, from plan_stdin_fd on (the
/// `cgroup_count` ones of the groups included); then the program's image; then, if `clone_into`, the folder of a v2 group.
struct BoxOrder {
  std::uint32_t host_user;  ///< As seen from the zygote's user namespace, which maps every id to itself.
  std::uint32_t host_group;
  std::uint32_t deny_groups;
  std::uint32_t cgroup_count;
  std::uint32_t clone_into;
};
constexpr std::uint32_t max_order_fds = plan_cgroup_fd + max_join_fds + 2;

/// From the zygote: once when it is ready, and for each order. With two descriptors if there is a process, also if it failed
/// later: a pidfd of the box's first process, which is a child of the supervisor, and its mount namespace.
struct BoxStarted {
  BoxFailure failure;
};
constexpr int box_started_fd_count = 2;

}  // namespace forgepool::sandbox
