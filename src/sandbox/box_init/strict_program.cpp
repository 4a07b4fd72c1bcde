#include "sandbox/box_init/strict_program.hpp"

#include "machine_code/rewritten_instruction.hpp"
#include "sandbox/box_init/elf_loader.hpp"
#include "sandbox/box_init/emulation/file_identity.hpp"
#include "sandbox/box_init/emulation/traps.hpp"
#include "sandbox/box_init/stem_page.hpp"
#include "sandbox/strict/world.hpp"

#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/seccomp.h>

namespace forgepool::sandbox::box_init {
namespace {

using strict::world;

strict::FileIdentity identity_of(const char* path) {
  FileStatus status{};
  require(system_call(__NR_stat, path, &status), BoxStep::load_program);
  return {status.device, status.inode};
}

void map_rewritten(const BoxPlan& plan) {
  const std::uint64_t size = plan.rewritten_count * sizeof(machine_code::RewrittenInstruction);
  if (size == 0) return;
  require(system_call(__NR_mmap, strict::rewritten_address, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE | MAP_FIXED_NOREPLACE,
                      plan_program_fd, plan.rewritten_offset),
          BoxStep::load_program);
}

void create_world(const BoxPlan& plan, const LoadedProgram& program) {
  map_for_stem(strict::world_address, strict::page_size);
  auto& it = world();
  it.heap_begin = it.heap_end = (program.end + strict::page_size - 1) & ~(strict::page_size - 1);
  it.arena = strict::arena_top;
  it.random_files[0] = identity_of("/dev/urandom");
  it.random_files[1] = identity_of("/dev/random");
  it.rewritten_count = plan.rewritten_count;
  it.signal_stack.flags = 2;  // SS_DISABLE
  for (auto& limit : it.limits) limit = {~0ull, ~0ull};
  for (std::uint32_t i = 0; i < plan.limit_count; ++i)
    if (plan.limits[i].resource < 16) it.limits[plan.limits[i].resource] = {plan.limits[i].soft, plan.limits[i].hard};
}

/// Everything but our resident part goes: the kernel's vDSO with the real clock, its stack with random bytes, and all addresses
/// that it has chosen.
void clear_address_space() {
  require(system_call(__NR_munmap, 0, strict::resident_begin), BoxStep::load_program);
  require(system_call(__NR_munmap, strict::resident_end, strict::address_space_end - strict::resident_end),
          BoxStep::load_program);
}

strict::ResourceLimit cpu_limit(const BoxPlan& plan) {
  for (std::uint32_t i = 0; i < plan.limit_count; ++i) {
    if (plan.limits[i].resource != RLIMIT_CPU) continue;
    strict::ResourceLimit limit{};
    if (auto failure = possible_limit(plan.limits[i], limit)) fail_in_stem(failure);
    return limit;
  }
  return {~0ull, ~0ull};
}

}  // namespace

void map_for_stem(std::uint64_t address, std::uint64_t size) {
  require(system_call(__NR_mmap, address, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0),
          BoxStep::load_program);
}

StrictProgram load_strict_program(const PlanView& view) {
  const auto& plan = view.plan();
  clear_address_space();
  const auto program = load_program(plan_program_fd);
  if (program.failure) fail_in_stem(program.failure);
  map_for_stem(strict::stack_top - strict::stack_size, strict::stack_size);
  const auto stack = build_stack(program, view.strings(plan.arguments), view.strings(plan.environment));
  map_for_stem(strict::handler_stack_address, strict::handler_stack_size + strict::kept_states_size);
  map_for_stem(strict::run_address, sizeof(ReceivedRun));
  map_for_stem(strict::listing_address, strict::listing_size);
  map_rewritten(plan);
  create_world(plan, program);
  require(install_traps(), BoxStep::load_program);
  return {program.entry, stack.pointer, stack.random, cpu_limit(plan)};
}

long install_filter(const sock_filter* filter, std::uint32_t length) {
  require(system_call(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0), BoxStep::load_program);
  require(system_call(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), BoxStep::system_call_filter);
  const sock_fprog program{static_cast<unsigned short>(length), const_cast<sock_filter*>(filter)};
  const long listener = system_call(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  require(listener, BoxStep::system_call_filter);
  return listener;
}

}  // namespace forgepool::sandbox::box_init
