#pragma once
/// What the supervisor (in the agent) and the box's first process (box_init/, a program of its own without a C library) agree
/// on: descriptors, the plan, and the messages on the control socket. Both sides come from the same build, so this is a memory
/// layout and not a format. Usable without the standard library.
#include <forgepool/program_surroundings.hpp>

#include <cstdint>

namespace forgepool::sandbox {

/// Descriptors of the first process when it starts. Everything else is closed.
constexpr int plan_stdin_fd = 0;  ///< A placeholder; replaced by the box's own /dev/null.
constexpr int plan_stdout_fd = 1;
constexpr int plan_stderr_fd = 2;
constexpr int plan_control_fd = 3;  ///< SOCK_SEQPACKET to the supervisor.
constexpr int plan_memory_fd = 4;   ///< The plan.
constexpr int plan_cgroup_fd = 5;   ///< The first of `cgroup_count` v1 `tasks` files.

/// The most descriptors that a program may have open.
constexpr std::uint32_t program_open_files = surroundings::open_files;
/// The program's own image. It lies just above the limit, so that once exec has closed it nothing can ever be open under this
/// number again: that makes the one execveat call which the filter must allow (see seccomp_policy.hpp) useless to the program.
constexpr int plan_program_fd = 256;

/// Where another program than the supervisor has made the namespaces and the root (see BoxPlan::prepared_root), it has put the
/// first process's own image here. The first process removes it.
constexpr const char* prepared_init_path = "/tmp/.init";

/// User and group of the program as it sees them, on every machine.
constexpr std::uint32_t box_user = surroundings::user;
constexpr std::uint32_t box_group = surroundings::group;

/// Where setting up can fail. Reported with the errno, named by describe(BoxStep).
enum class BoxStep : std::uint32_t {
  none,
  clone,
  start_init,
  map_identity,
  read_plan,
  take_identity,
  new_session,
  private_mounts,
  null_device,
  root_tmpfs,
  input_files,
  writable_tmpfs,
  pivot_root,
  read_only_root,
  host_name,
  fork_program,
  join_cgroup,
  resource_limits,
  drop_capabilities,
  system_call_filter,
  execute_program,
  load_program,
  control_socket,
};

struct BoxFailure {
  BoxStep step = BoxStep::none;
  std::int32_t error = 0;  ///< errno; 0 with step none means success.

  constexpr explicit operator bool() const { return step != BoxStep::none; }
};

/// Offsets are from the start of the plan; the first process turns them into pointers.
using PlanOffset = std::uint64_t;

struct PlannedFile {
  PlanOffset name;  ///< Zero-terminated.
  PlanOffset content;
  std::uint64_t size;
  std::uint32_t mode;
  std::uint32_t unused;
};

struct PlannedLimit {
  std::uint32_t resource;
  std::uint32_t unused;
  std::uint64_t soft;
  std::uint64_t hard;
};

constexpr std::uint32_t max_planned_limits = 16;

/// What makes one run of a prepared box. Offsets are from its own start, and PlanView reads it like a plan.
struct PlannedRun {
  std::uint8_t seed[32];
  std::uint64_t file_count;
  PlanOffset files;  ///< PlannedFile[file_count]
};

/// From the supervisor to a strict box, once for each run: where the PlannedRun is. A small one follows in the message, and the
/// program's own process puts its files where they belong; a large one is in the plan's memory file, on a page boundary, and
/// for the first process to unpack: the program's may not write files larger than it may leave as outputs.
struct RunMessage {
  std::uint64_t begin;  ///< In the memory file. 0: it follows.
  std::uint64_t size;
};
constexpr std::uint64_t max_inline_run_bytes = 32 << 10;
struct ReceivedRun {
  RunMessage message;
  char run[max_inline_run_bytes];
};

struct BoxPlan {
  std::uint64_t total_bytes;
  std::uint32_t drop_groups;  ///< Supplementary groups can be given up (setgroups is not denied).
  std::uint32_t cgroup_count;
  std::uint32_t may_execute;  ///< Files in /in can be executed.
  std::uint32_t strict;       ///< Determinism class strict: the files come with a PlannedRun.
  /// Namespaces, root, user and group, and the loss of capabilities are the work of whoever started the first process: it has
  /// only the program to start.
  std::uint32_t prepared_root;
  std::uint32_t reusable;  ///< A strict box for more than one run.
  std::uint32_t file_count;
  std::uint32_t limit_count;
  std::uint32_t filter_length;  ///< In BPF instructions.
  /// Of a strict program, which of its instructions were rewritten: RewrittenInstruction[rewritten_count], in the image's file.
  std::uint32_t rewritten_count;
  std::uint64_t rewritten_offset;
  PlanOffset files;        ///< PlannedFile[file_count]
  PlanOffset filter;       ///< sock_filter[filter_length]
  PlanOffset arguments;    ///< PlanOffset[] ending with 0, starting with argv[0].
  PlanOffset environment;  ///< PlanOffset[] ending with 0.
  PlanOffset in;           ///< The mount options of /in, a tmpfs, as text; of the other two as well.
  PlanOffset out;
  PlanOffset tmp;
  PlannedLimit limits[max_planned_limits];
};

/// From the first process to the supervisor.
struct BoxMessage {
  enum Kind : std::uint32_t {
    failed,    ///< `failure` says where. Nothing was or will be run.
    started,   ///< The program runs, or a strict one is ready to run. Carries three descriptors: /out, /tmp, the filter's
               ///< listener.
    finished,  ///< The program ended: `wait_status`, as from wait4.
  };
  Kind kind;
  BoxFailure failure;
  std::int32_t wait_status;
  std::uint64_t peak_memory_bytes;  ///< Of its largest process.
  std::uint64_t cpu_us;             ///< Of the program and what it has waited for.
};

constexpr int started_fd_count = 3;

/// From the supervisor to a strict box whose program has ended well: be ready for another run like that one. A byte with two
/// descriptors, the pipes for its standard output and error. What follows is `started` or `failed`, as at first.
constexpr int renewal_fd_count = 2;

}  // namespace forgepool::sandbox
