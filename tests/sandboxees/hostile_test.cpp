/// Programs that misbehave, each with the outcome that it must have. Run for real.
#include "sandbox_support.hpp"

#include <catch2/catch_test_macros.hpp>

#include <csignal>
#include <functional>
#include <optional>

namespace forgepool::sandbox_test {
namespace {

using Kind = SandboxOutcome::Kind;

struct Expected {
  Kind kind = Kind::exited;
  int code = 0;
};

struct Hostile {
  std::string title;
  std::string program;
  std::vector<std::string> arguments = {};
  Expected expected = {};
  /// Where the outcome is another one without limits on the group as a whole.
  std::optional<Expected> without_groups = {};
  bool may_spawn = false;
  std::function<void(SandboxRequest&)> change = {};
};

constexpr Expected contained{Kind::exited, 0};
constexpr Expected crash_on(int signal) {
  return {Kind::signalled, signal};
}
constexpr Expected violation(int number) {
  return {Kind::policy_violation, number};
}

void short_wall_time(SandboxRequest& request) {
  request.limits.wall_ms = 400;
}
void short_cpu_time(SandboxRequest& request) {
  request.limits.cpu_ms = 300;
}
void with_helper(SandboxRequest& request) {
  request.files.push_back({"helper", load_program("ordinary"), true});
}

const std::vector<Hostile>& hostile_programs() {
  static const std::vector<Hostile> programs = {
      // More than its share
      {.title = "a fork bomb",
       .program = "fork_bomb",
       .expected = {Kind::process_limit},
       .without_groups = {{Kind::exited, 1}},
       .may_spawn = true},
      {.title = "a thread bomb",
       .program = "thread_bomb",
       .expected = {Kind::process_limit},
       .without_groups = {{Kind::exited, 1}}},
      {.title = "a memory bomb", .program = "memory_bomb", .expected = {Kind::out_of_memory}},
      {.title = "a memory bomb of many processes",
       .program = "memory_by_children",
       .expected = {Kind::out_of_memory},
       .without_groups = contained,
       .may_spawn = true},
      {.title = "filling /tmp", .program = "fill_folder", .arguments = {"/tmp"}, .expected = {Kind::output_limit}},
      {.title = "filling /out", .program = "fill_folder", .arguments = {"/out"}, .expected = {Kind::output_limit}},
      {.title = "using up all inodes of /tmp", .program = "fill_inodes"},
      {.title = "a flood of standard output",
       .program = "output_flood",
       .expected = {Kind::wall_time_limit},
       .change = short_wall_time},
      {.title = "sleeping on, deaf to signals",
       .program = "sleep_on",
       .expected = {Kind::wall_time_limit},
       .change = short_wall_time},
      {.title = "stopping itself",
       .program = "sleep_on",
       .arguments = {"stop"},
       .expected = {Kind::wall_time_limit},
       .change = short_wall_time},
      {.title = "spinning on, deaf to SIGXCPU",
       .program = "spin_on",
       .expected = {Kind::cpu_time_limit},
       .change = short_cpu_time},
      {.title = "spinning in many short-lived processes",
       .program = "spin_on",
       .arguments = {"children"},
       .expected = {Kind::cpu_time_limit},
       .without_groups = {{Kind::wall_time_limit}},
       .may_spawn = true,
       .change =
           [](SandboxRequest& request) {
             short_cpu_time(request);
             request.limits.wall_ms = 5000;
           }},
      {.title = "overflowing the stack", .program = "overflow_stack", .expected = crash_on(SIGSEGV)},

      // Outputs
      {.title = "an output larger than allowed",
       .program = "sparse_output",
       .arguments = {"one", "1099511627776"},
       .expected = {Kind::output_limit}},
      {.title = "sparse outputs that are too large together",
       .program = "sparse_output",
       .arguments = {"many", "1048576"},
       .expected = {Kind::output_limit}},
      {.title = "an absolute symbolic link as output",
       .program = "strange_output",
       .arguments = {"symlink-absolute"},
       .expected = {Kind::output_limit}},
      {.title = "a relative symbolic link as output",
       .program = "strange_output",
       .arguments = {"symlink-relative"},
       .expected = {Kind::output_limit}},
      {.title = "a symbolic link to itself as output",
       .program = "strange_output",
       .arguments = {"symlink-loop"},
       .expected = {Kind::output_limit}},
      {.title = "a symbolic link to the root as output",
       .program = "strange_output",
       .arguments = {"symlink-folder"},
       .expected = {Kind::output_limit}},
      {.title = "two names for one output",
       .program = "strange_output",
       .arguments = {"hard-link"},
       .expected = {Kind::output_limit}},
      {.title = "hard links to files elsewhere", .program = "strange_output", .arguments = {"foreign-hard-link"}},
      {.title = "a fifo as output", .program = "strange_output", .arguments = {"fifo"}},
      {.title = "a device as output", .program = "strange_output", .arguments = {"device"}},
      {.title = "a folder as output", .program = "strange_output", .arguments = {"folder"}, .expected = {Kind::output_limit}},
      {.title = "an output that nobody may read",
       .program = "strange_output",
       .arguments = {"unreadable"},
       .expected = {Kind::output_limit}},
      {.title = "folders three thousand levels deep",
       .program = "strange_output",
       .arguments = {"deep"},
       .expected = {Kind::output_limit}},
      {.title = "a line break in an output's name",
       .program = "strange_output",
       .arguments = {"newline"},
       .expected = {Kind::output_limit}},
      {.title = "an output's name that looks like an option",
       .program = "strange_output",
       .arguments = {"leading-dash"},
       .expected = {Kind::output_limit}},
      {.title = "a hidden output", .program = "strange_output", .arguments = {"leading-dot"}, .expected = {Kind::output_limit}},
      {.title = "backslashes in an output's name",
       .program = "strange_output",
       .arguments = {"backslash"},
       .expected = {Kind::output_limit}},
      {.title = "an output's name that is not UTF-8",
       .program = "strange_output",
       .arguments = {"not-utf8"},
       .expected = {Kind::output_limit}},
      {.title = "an output's name of 255 bytes",
       .program = "strange_output",
       .arguments = {"long"},
       .expected = {Kind::output_limit}},

      // Getting at others
      {.title = "using inherited descriptors", .program = "inherited_descriptors"},
      {.title = "reaching files of the host", .program = "host_paths"},
      {.title = "writing to what is read-only", .program = "write_read_only"},
      {.title = "locking what it shares with the host", .program = "lock_files"},
      {.title = "killing everyone", .program = "kill_everyone"},
      {.title = "tracing the first process", .program = "trace_others", .expected = violation(101)},
      {.title = "sockets of every kind", .program = "sockets"},
      {.title = "characters for someone's terminal", .program = "push_terminal_input", .expected = violation(16)},
      {.title = "the same with high bits set",
       .program = "push_terminal_input",
       .arguments = {"0xdeadbeef"},
       .expected = violation(16)},
      {.title = "leaving a daemon behind", .program = "leave_daemon", .may_spawn = true},

      // Getting more power
      {.title = "forking without leave", .program = "fork_without_leave", .expected = violation(56)},
      {.title = "becoming root", .program = "become_root"},
      {.title = "becoming root by a setuid file", .program = "become_root", .arguments = {"execute"}, .may_spawn = true},
      {.title = "a user namespace of its own",
       .program = "clone_namespace",
       .arguments = {"0x10000000"},
       .expected = violation(56),
       .may_spawn = true},
      {.title = "a mount namespace of its own",
       .program = "clone_namespace",
       .arguments = {"0x00020000"},
       .expected = violation(56),
       .may_spawn = true},
      {.title = "being a child of the first process",
       .program = "clone_namespace",
       .arguments = {"0x00008000"},
       .expected = violation(56),
       .may_spawn = true},
      {.title = "executing what it has written", .program = "execute_written", .may_spawn = true, .change = with_helper},
      {.title = "executing itself again", .program = "execute_again"},
      {.title = "making memory executable", .program = "executable_memory"},
      {.title = "raising its limits", .program = "raise_limits"},
      {.title = "lowering limits of the first process",
       .program = "raise_limits",
       .arguments = {"of-others"},
       .expected = violation(302)},
      {.title = "a system call by int 0x80", .program = "legacy_call", .expected = violation(20)},
      {.title = "a system call of the x32 kind", .program = "x32_call", .expected = violation(0x40000000 | 39)},
      {.title = "dumping core", .program = "dump_core", .expected = crash_on(SIGABRT)},

      // Pretending
      {.title = "pretending a violation", .program = "fake_violation", .arguments = {"31"}, .expected = crash_on(SIGSYS)},
      {.title = "pretending to be killed", .program = "fake_violation", .arguments = {"9"}, .expected = crash_on(SIGKILL)},
      {.title = "pretending to be out of CPU time",
       .program = "fake_violation",
       .arguments = {"24"},
       .expected = crash_on(SIGXCPU)},
  };
  return programs;
}

TEST_CASE("a hostile program ends as it must", "[hostile]") {
  auto& sandbox = linux_sandbox();
  for (const auto& hostile : hostile_programs()) {
    DYNAMIC_SECTION(hostile.title) {
      auto request = request_for(hostile.program, hostile.arguments);
      if (hostile.may_spawn) request.relaxations = {SandboxRelaxation::spawn};
      if (hostile.change) hostile.change(request);
      const auto report = sandbox.run(request);
      const bool groups = sandbox.level() == SandboxLevel::full;
      const auto expected = groups ? hostile.expected : hostile.without_groups.value_or(hostile.expected);
      INFO(describe(report.outcome));
      INFO(to_text(report.standard_error).substr(0, 500));
      CHECK(to_string(report.outcome.kind) == to_string(expected.kind));
      CHECK(report.outcome.code == expected.code);
      CHECK(report.level == sandbox.level());
      CHECK(report.standard_output.size() <= request.limits.stdio_bytes);
      CHECK(report.standard_error.size() <= request.limits.stdio_bytes);
      if (!report.outcome.ok()) CHECK(report.outputs.empty());
    }
  }
}

TEST_CASE("a program finds the same surroundings everywhere", "[hostile]") {
  const auto report = linux_sandbox().run(request_for("surroundings"));
  INFO(to_text(report.standard_error));
  CHECK(describe(report.outcome) == "exited with code 0");
}

}  // namespace
}  // namespace forgepool::sandbox_test
