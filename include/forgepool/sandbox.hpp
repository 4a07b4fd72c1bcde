#pragma once
/// Sandbox: runs one program on one set of inputs, isolated and with fixed surroundings, and returns its outputs.
///
/// Inside, the program sees `/in` (its input files, read-only), `/out` (empty, writable), `/tmp`, `/dev/null`, and nothing
/// else; arguments as given; standard input empty; and what program_surroundings.hpp says of environment, user, names and
/// numbers: the same on every machine, because results can depend on it. What it leaves in `/out` as regular files with plain
/// names (1-64 of [A-Za-z0-9._-], no dot or dash first) is its output. Implementations: Linux namespaces
/// (backends/linux_sandbox.hpp), the program bwrap (backends/bubblewrap_sandbox.hpp), functions in this process
/// (backends/in_process_sandbox.hpp), and any of yours.
///
/// Threads: `run` blocks and is called from pool threads, several at once. A sandbox outlives its runs.
#include <forgepool/digest.hpp>
#include <forgepool/program_surroundings.hpp>
#include <forgepool/sandbox_policy.hpp>
#include <forgepool/time.hpp>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace forgepool {

/// How strongly a run was isolated. Recorded in the receipt, and an agent refuses to work below the level its operator allowed.
enum class SandboxLevel {
  none,        ///< Not at all: the program could do whatever the agent can.
  process,     ///< A process of its own with resource limits; sees the host.
  bubblewrap,  ///< Own namespaces and root as the program bwrap makes them; system-call filter and limits per process are ours.
  namespaces,  ///< Own namespaces and root, system-call filter, resource limits per process; no limits on the group as a whole.
  full,        ///< As `namespaces`, and memory, process and CPU limits enforced on the whole group (cgroups).
};
FORGEPOOL_API std::string_view to_string(SandboxLevel level);
FORGEPOOL_API Result<SandboxLevel> parse_sandbox_level(std::string_view text);

/// How far a result is a function of the request alone. Part of the adapter's manifest and of the plan; what was enforced
/// stands in the receipt.
enum class Determinism {
  none,      ///< Not at all: differs from run to run, and cannot be verified by comparing.
  standard,  ///< Fixed surroundings (files, environment, identity, addresses); clocks, random numbers, threads are the
             ///< machine's.
  strict,    ///< Whatever the program can ask for is fixed too: clocks and random numbers come from the request, there is one
             ///< thread, and the system tells nothing about itself. What cannot be fixed is refused.
};
FORGEPOOL_API std::string_view to_string(Determinism determinism);
FORGEPOOL_API Result<Determinism> parse_determinism(std::string_view text);

/// Which world `strict` programs see: what every question that they can ask is answered with. Worlds of different numbers
/// answer something differently, so results that came from them are not comparable. This one is described in
/// src/sandbox/strict/WORLD.md. Plans, leases and receipts of strict runs name theirs.
inline constexpr std::uint32_t strict_world = 1;
/// "world/1", as it stands in documents.
FORGEPOOL_API std::string world_name(std::uint32_t world);
FORGEPOOL_API Result<std::uint32_t> parse_world(std::string_view text);

/// All limits are enforced; a program that hits one ends with the outcome of that name.
struct SandboxLimits {
  std::uint64_t cpu_ms = 60'000;  ///< User and system time of all its processes.
  std::uint64_t wall_ms = 120'000;
  std::uint64_t memory_bytes = 512u << 20;  ///< Includes what it writes to /out and /tmp.
  std::uint32_t processes = 16;             ///< Processes and threads.
  std::uint64_t output_bytes = 16u << 20;   ///< All files in /out together; also the most it may write to /tmp.
  std::uint32_t output_files = 64;
  std::uint64_t stdio_bytes = 64u << 10;  ///< Standard output and error, each; more is cut off, not an error.

  friend bool operator==(const SandboxLimits&, const SandboxLimits&) = default;
};

struct SandboxFile {
  std::string name;  ///< Below /in; one path component.
  std::shared_ptr<const Bytes> content;
  bool executable = false;
};

struct SandboxRequest {
  Digest program_digest;                 ///< SHA-256 of `program`; lets a backend keep prepared copies.
  std::shared_ptr<const Bytes> program;  ///< Static ELF (what else a backend runs, it says itself).
  std::vector<std::string> arguments;    ///< argv[1…]; argv[0] is "/program".
  std::vector<SandboxFile> files;
  SandboxLimits limits;
  SandboxPolicy policy;
  /// What is asked for. A backend that has nothing of the kind runs all the same, and says so in the report. `strict` allows no
  /// relaxations.
  Determinism determinism = Determinism::standard;
  Digest seed;  ///< Where the random numbers of a `strict` run come from. For shards: the digest of their parameters.
  /// Whose run it is, in any words. A backend that can renews what of a box no program can reach, for the next run of the same
  /// owner and program. Empty: nothing of the box was, or will be, anybody else's.
  std::string owner;
  const std::atomic<bool>* cancelled = nullptr;  ///< Set to true to end the run soon with outcome `cancelled`. Borrowed.
};

/// What an agent's sandbox can do, or what a job asks of one.
struct SandboxAbility {
  SandboxLevel level = SandboxLevel::none;
  Determinism determinism = Determinism::none;
  SandboxPolicy policy;
  std::uint32_t world = strict_world;  ///< Of strict programs. Below `strict` it says nothing.

  /// Is as strong in everything as `needed`, shows strict programs the same world, and grants what it asks for.
  bool covers(const SandboxAbility& needed) const {
    const bool same_world = needed.determinism < Determinism::strict || world == needed.world;
    return level >= needed.level && determinism >= needed.determinism && same_world && needed.policy.within(policy);
  }
  friend bool operator==(const SandboxAbility&, const SandboxAbility&) = default;
};

/// Where setting up a run failed.
enum class SandboxStep {
  none,              ///< Nowhere, or the backend does not say.
  request,           ///< The request itself cannot be run by this backend.
  program_image,     ///< Making the program's sealed image.
  standard_streams,  ///< Pipes for standard output and error.
  cgroup,            ///< Making the group, its limits, or joining it.
  plan,              ///< Writing down for the box what it is to be.
  namespaces,        ///< Making the namespaces.
  first_process,     ///< Starting the box's first process, or talking to it.
  identity,          ///< Mapping or taking the box's user and group.
  session,           ///< A session of its own.
  root_file_system,  ///< Mounts, /dev/null, leaving the host's root.
  input_files,       ///< Writing the files in /in.
  host_name,
  program_process,  ///< Making the program's process.
  resource_limits,
  capabilities,
  system_call_filter,
  program_start,  ///< Executing the program, or loading it.
};
FORGEPOOL_API std::string_view to_string(SandboxStep step);
FORGEPOOL_API Result<SandboxStep> parse_sandbox_step(std::string_view text);

/// How a run ended. Values, not errors: they are facts about the shard that go into the receipt.
struct SandboxOutcome {
  enum class Kind {
    exited,     ///< `code` is the exit code.
    signalled,  ///< `code` is the signal that ended it (a crash).
    out_of_memory,
    pids_limit,  ///< Ended abnormally after hitting the limit of processes.
    timed_out_cpu,
    timed_out_wall,
    output_limit,      ///< Too many or too large outputs, or something in /out that is not a plain file with a plain name.
    policy_violation,  ///< A forbidden system call; `code` is its number, `detail` its name where known. -1: it is not known.
    setup_failed,      ///< The program never ran; `step` says where it failed, `detail` also why.
    cancelled,
  };
  Kind kind = Kind::setup_failed;
  int code = 0;
  std::string detail;
  SandboxStep step = SandboxStep::none;  ///< Of `setup_failed`.

  bool ok() const { return kind == Kind::exited && code == 0; }
  friend bool operator==(const SandboxOutcome&, const SandboxOutcome&) = default;
};
FORGEPOOL_API std::string_view to_string(SandboxOutcome::Kind kind);
/// For people: "exited with code 3", "ended by signal 11", "ran out of memory", …
FORGEPOOL_API std::string describe(const SandboxOutcome& outcome);

struct SandboxUsage {
  std::uint64_t cpu_ms = 0;
  std::uint64_t wall_ms = 0;
  std::uint64_t peak_memory_bytes = 0;  ///< 0 where the backend cannot measure it.
};

struct SandboxReport {
  SandboxOutcome outcome;
  std::map<std::string, Bytes> outputs;  ///< By name; only if the outcome is ok.
  Bytes standard_output;                 ///< The first `stdio_bytes`, for diagnosis only.
  Bytes standard_error;
  SandboxUsage usage;
  SandboxLevel level = SandboxLevel::none;      ///< What was really enforced for this run.
  Determinism determinism = Determinism::none;  ///< Likewise.
};

/// What this header promises and a backend does not keep. A backend declares its own; what it does not declare, it does.
enum class SandboxLimitation {
  no_isolation,        ///< Programs see and reach whatever the agent does.
  no_group_limits,     ///< Memory, CPU time and processes are limited for each process alone, not for all of a run together.
  no_cpu_time_limit,   ///< A program that works for ever is ended by the wall-clock limit.
  no_standard_output,  ///< What a program prints is not captured.
  no_strict,           ///< A request for `strict` is run as `standard` or less, and the report says so.
  cooperative_end,     ///< A program that does not want to end cannot be made to.
  other_surroundings,  ///< Something of program_surroundings.hpp is otherwise: results may be, too, so it offers `none` alone.
  unnamed_violation,   ///< A forbidden system call ends the program without its number (-1).
};
FORGEPOOL_API std::string_view to_string(SandboxLimitation limitation);
/// For people: "limits hold for each process alone, not for all of a run together".
FORGEPOOL_API std::string_view describe(SandboxLimitation limitation);

class Sandbox {
 public:
  virtual ~Sandbox() = default;
  /// "linux", "in-process", … as it stands in receipts.
  virtual std::string_view name() const = 0;
  /// The level that `run` enforces on this machine.
  virtual SandboxLevel level() const = 0;
  /// What it cannot do on this machine. Whoever says nothing is believed nothing.
  virtual std::vector<SandboxLimitation> limitations() const {
    using enum SandboxLimitation;
    return {no_isolation, no_group_limits, no_cpu_time_limit,  no_standard_output,
            no_strict,    cooperative_end, other_surroundings, unnamed_violation};
  }
  /// The world that its strict programs see: unless overridden, the one it was written (and compiled) for.
  virtual std::uint32_t world() const { return strict_world; }
  /// Runs to the end and leaves nothing behind. Never throws; trouble of the sandbox's own is outcome `setup_failed`.
  virtual SandboxReport run(const SandboxRequest& request) = 0;
};

/// What runs in this sandbox can be, if its owner grants `policy`. A sandbox that lacks `strict` offers `standard`; one that
/// does not isolate either, or whose programs have other surroundings than everywhere, `none`.
FORGEPOOL_API SandboxAbility ability_of(const Sandbox& sandbox, const SandboxPolicy& policy);

}  // namespace forgepool
