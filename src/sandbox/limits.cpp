#include "sandbox/limits.hpp"

#include "sandbox/request_check.hpp"
#include "sandbox/strict/layout.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace forgepool::sandbox {
namespace {

constexpr std::uint64_t most_bytes = 1ull << 46;  // Beyond any machine; far enough from overflow to add to.
constexpr std::uint64_t stack_bytes = 8u << 20;
constexpr std::uint64_t mebibyte = 1u << 20;

std::uint64_t bounded(std::uint64_t bytes) {
  return std::min(bytes, most_bytes);
}

PlannedLimit limit(int resource, std::uint64_t soft, std::uint64_t hard) {
  return {static_cast<std::uint32_t>(resource), 0, soft, hard};
}
PlannedLimit limit(int resource, std::uint64_t value) {
  return limit(resource, value, value);
}

}  // namespace

std::uint64_t whole_pages(std::uint64_t bytes) {
  return (bounded(bytes) + page_bytes - 1) / page_bytes * page_bytes;
}

std::vector<PlannedLimit> resource_limits(const SandboxLimits& limits, bool group_limits) {
  const auto memory = whole_pages(limits.memory_bytes);
  // The kernel counts whole seconds here. The soft limit ends the program with SIGXCPU; who catches that is killed a second
  // later.
  const auto cpu_s = bounded(limits.cpu_ms) / 1000 + (limits.cpu_ms % 1000 != 0 ? 1 : 0);
  // Behind a cgroup the address space may be larger than the memory: the group's limit is to be hit first, and is told apart
  // from a crash. On its own, it has to be the limit.
  const auto address_space = group_limits ? std::max(4 * memory, memory + 1024 * mebibyte) : memory;
  // Counted per user and user namespace, so our first process is one of them.
  const auto processes = static_cast<std::uint64_t>(limits.processes) + (group_limits ? 16 : 1);
  return {
      limit(RLIMIT_CPU, cpu_s, cpu_s + 1),
      limit(RLIMIT_AS, address_space),
      limit(RLIMIT_DATA, address_space),
      limit(RLIMIT_STACK, stack_bytes),
      limit(RLIMIT_FSIZE, bounded(limits.output_bytes)),
      limit(RLIMIT_NPROC, processes),
      limit(RLIMIT_NOFILE, program_open_files),
      // Not 0: where the host pipes cores into a program of its own, the kernel runs that for a limit of 0 too. 1 is the value
      // by which it is told not to (core(5), "Piping core dumps"), and too small for a core in a file.
      limit(RLIMIT_CORE, 1),
      limit(RLIMIT_MEMLOCK, 0),
      limit(RLIMIT_MSGQUEUE, 0),
      limit(RLIMIT_SIGPENDING, 256),
      limit(RLIMIT_NICE, 0),
      limit(RLIMIT_RTPRIO, 0),
  };
}

std::uint64_t processes_in_group(const SandboxRequest& request) {
  return std::uint64_t{request.limits.processes} + (request.determinism == Determinism::strict ? 1 : 0);
}

std::vector<PlannedLimit> strict_resource_limits(const SandboxLimits& limits) {
  auto planned = resource_limits(limits, true);
  const auto address_space = whole_pages(limits.memory_bytes) + strict::resident_bytes;
  for (auto& one : planned) {
    if (one.resource == RLIMIT_AS || one.resource == RLIMIT_DATA) one.soft = one.hard = address_space;
    // Killed at once: a signal that can be caught would come at another point in every run.
    if (one.resource == RLIMIT_CPU) one.hard = one.soft;
  }
  return planned;
}

TmpfsSize in_size(const SandboxRequest& request) {
  TmpfsSize size{16 * page_bytes, 16};
  for (const auto& file : request.files) size.bytes += whole_pages(file.content->size());
  size.inodes += request.files.size();
  return size;
}

TmpfsSize strict_in_size() {
  return {most_bytes, max_input_files + 16};
}

TmpfsSize out_size(const SandboxLimits& limits) {
  // Every file may waste most of its last page.
  const auto waste = static_cast<std::uint64_t>(limits.output_files) * page_bytes;
  return {whole_pages(limits.output_bytes) + waste + 16 * page_bytes, static_cast<std::uint64_t>(limits.output_files) + 8};
}

TmpfsSize tmp_size(const SandboxLimits& limits) {
  return {whole_pages(limits.output_bytes) + 16 * page_bytes, 4096};
}

}  // namespace forgepool::sandbox
