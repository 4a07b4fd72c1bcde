#include "sandbox/box_init/strict_run.hpp"

#include "sandbox/box_init/emulation/emulation.hpp"
#include "sandbox/box_init/emulation/file_identity.hpp"
#include "sandbox/box_init/emulation/gate.hpp"

#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/resource.h>

namespace forgepool::sandbox::box_init {
namespace {

using strict::world;

constexpr long stop_signal = 19;  // SIGSTOP

strict::FileIdentity identity_of(long fd) {
  FileStatus status{};
  require(gate_call(__NR_fstat, fd, &status), BoxStep::load_program);
  return {status.device, status.inode};
}

/// The first frames of the handlers will be here.
void touch_handler_stack() {
  constexpr std::uint64_t top = strict::handler_stack_address + strict::handler_stack_size;
  for (std::uint64_t page = 1; page <= 2; ++page) *reinterpret_cast<volatile char*>(top - page * strict::page_size) = 0;
}

void find_outputs() {
  world().output_pipes = 2;
  world().outputs[0] = identity_of(plan_stdout_fd);
  world().outputs[1] = identity_of(plan_stderr_fd);
}

long read_again(long fd, void* target, std::size_t size) {
  long got;
  do got = gate_call(__NR_read, fd, target, size);
  while (got == -interrupted);
  return got;
}

void write_file(long folder, const char* run, const PlannedFile& file) {
  const long fd =
      gate_call(__NR_openat, folder, run + file.name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, file.mode);
  require(fd, BoxStep::input_files);
  const char* data = run + file.content;
  for (std::uint64_t left = file.size; left > 0;) {
    const long written = system_call(__NR_write, fd, data, left);
    if (written == -interrupted) continue;
    require(written, BoxStep::input_files);
    data += written;
    left -= static_cast<std::uint64_t>(written);
  }
  gate_call(__NR_close, fd);
}

/// The first process waits for its children and for nothing else: to be heard, we stop until it has us go on.
void ask_for_help(const RunMessage& large) {
  stem_page().large_run = large;
  require(system_call(__NR_kill, strict::program_pid, stop_signal), BoxStep::input_files);
}

/// Waits for the run, and puts its files where they belong or has that done. The seed.
const std::uint8_t (&receive_run(const StemOrder& order))[32] {
  auto& received = *reinterpret_cast<ReceivedRun*>(strict::run_address);
  if (read_again(plan_control_fd, &received, sizeof received) < static_cast<long>(sizeof received.message))
    exit_process(1);  // The supervisor has no use for us.
  if (received.message.begin != 0) {
    ask_for_help(received.message);
    return stem_page().seed;
  }
  const auto& run = *reinterpret_cast<const PlannedRun*>(received.run);
  const auto* files = reinterpret_cast<const PlannedFile*>(received.run + run.files);
  for (std::uint64_t i = 0; i < run.file_count; ++i) write_file(order.input_folder, received.run, files[i]);
  return run.seed;
}

/// Gives up the loader's own memory, the stack it stands on and the token with it, and begins the program as the kernel would:
/// all registers zero.
[[noreturn]] void jump(std::uint64_t stack, std::uint64_t entry) {
  register std::uint64_t stack_register asm("r12") = stack;
  register std::uint64_t entry_register asm("r13") = entry;
  asm volatile(
      "syscall\n"
      "test %%rax, %%rax\n"
      "jnz 1f\n"
      "mov %%r12, %%rsp\n"
      "push %%r13\n"
      "xor %%eax, %%eax\n"
      "xor %%ebx, %%ebx\n"
      "xor %%ecx, %%ecx\n"
      "xor %%edx, %%edx\n"
      "xor %%esi, %%esi\n"
      "xor %%edi, %%edi\n"
      "xor %%ebp, %%ebp\n"
      "xor %%r8d, %%r8d\n"
      "xor %%r9d, %%r9d\n"
      "xor %%r10d, %%r10d\n"
      "xor %%r11d, %%r11d\n"
      "xor %%r12d, %%r12d\n"
      "xor %%r13d, %%r13d\n"
      "xor %%r14d, %%r14d\n"
      "xor %%r15d, %%r15d\n"
      "ret\n"
      "1: ud2\n"
      :
      : "a"(__NR_munmap), "D"(strict::loader_begin), "S"(strict::loader_end - strict::loader_begin), "r"(stack_register),
        "r"(entry_register)
      : "memory");
  __builtin_unreachable();
}

}  // namespace

void give_up_what_the_stem_has(const StrictProgram& program, const strict::StemToken& token) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  require(system_call(__NR_capset, &header, none, 0, 0, token.fifth, token.sixth), BoxStep::drop_capabilities);
  require(system_call(__NR_setpgid, 0, 0, 0, 0, token.fifth, token.sixth), BoxStep::new_session);
  require(system_call(__NR_prlimit64, 0, RLIMIT_CPU, &program.cpu, 0, token.fifth, token.sixth), BoxStep::resource_limits);
  require(system_call(__NR_prctl, PR_SET_NAME, program_name), BoxStep::load_program);
}

void run_strict_program(const StrictProgram& program, const StemOrder& order) {
  find_outputs();
  touch_handler_stack();
  seed_random(receive_run(order));
  take_random(program.random, 16);
  // In a box for one run the descriptors are still those of the first process, to which the filter's listener stays.
  require(gate_call(__NR_close_range, 3, ~0u, CLOSE_RANGE_UNSHARE), BoxStep::load_program);
  jump(program.stack, program.entry);
}

}  // namespace forgepool::sandbox::box_init
