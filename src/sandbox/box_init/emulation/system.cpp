/// The machine, as it describes itself: one processor, a fixed kernel, fixed memory, fixed limits.
#include "sandbox/box_init/emulation/emulation.hpp"

namespace forgepool::sandbox::box_init {
namespace {

constexpr std::size_t max_random_bytes = 0x1ffffff;  // As the kernel's (2^25 - 1).

struct SystemNames {
  char system[65], node[65], release[65], version[65], machine[65], domain[65];
};

void set(char (&field)[65], const char* text) {
  std::size_t i = 0;
  for (; text[i] != '\0'; ++i) field[i] = text[i];
  for (; i < sizeof field; ++i) field[i] = '\0';
}

long names(SystemNames* result) {
  set(result->system, "Linux");
  set(result->node, "forgepool");
  set(result->release, "6.1.0");
  set(result->version, "#1");
  set(result->machine, "x86_64");
  set(result->domain, "forgepool");
  return 0;
}

/// struct sysinfo of <linux/sysinfo.h>, which drags in what we do not have.
struct SystemInfo {
  std::int64_t uptime_s;
  std::uint64_t loads[3], total_memory, free_memory, shared_memory, buffers, total_swap, free_swap;
  std::uint16_t processes, padding;
  std::uint32_t more_padding;
  std::uint64_t total_high, free_high;
  std::uint32_t unit;
  std::uint32_t end;
};
static_assert(sizeof(SystemInfo) == 112);

long system_info(SystemInfo* result) {
  *result = SystemInfo{};
  result->uptime_s = strict::uptime_s + static_cast<std::int64_t>(strict::look_at_clock() / strict::ns_per_s);
  result->total_memory = 1ull << 30;
  result->free_memory = 1ull << 29;
  result->processes = 1;
  result->unit = 1;
  return 0;
}

long resource_limit(std::uint64_t resource, strict::ResourceLimit* result) {
  if (resource >= 16) return -invalid;
  if (result) *result = strict::world().limits[resource];
  return 0;
}

bool is_self(std::uint64_t pid) {
  constexpr std::uint32_t program_pid = 2;  // The second process of its pid namespace.
  return static_cast<std::uint32_t>(pid) == 0 || static_cast<std::uint32_t>(pid) == program_pid;
}

long change_limit(const TrappedCall& call) {
  if (!is_self(call.argument[0])) return -no_such_process;
  if (call.argument[2]) return -not_permitted;
  return resource_limit(static_cast<std::uint32_t>(call.argument[1]),
                        reinterpret_cast<strict::ResourceLimit*>(call.argument[3]));
}

long one_processor(const TrappedCall& call) {
  if (!is_self(call.argument[0])) return -no_such_process;
  if (call.argument[1] < 8 || call.argument[1] % 8 != 0) return -invalid;
  *reinterpret_cast<std::uint64_t*>(call.argument[2]) = 1;
  return 8;
}

long random_bytes(std::uint64_t target, std::uint64_t size) {
  if (size > max_random_bytes) size = max_random_bytes;
  take_random(reinterpret_cast<void*>(target), size);
  return static_cast<long>(size);
}

}  // namespace

long emulate_system(const TrappedCall& call) {
  const auto* a = call.argument;
  switch (call.number) {
    case __NR_uname: return names(reinterpret_cast<SystemNames*>(a[0]));
    case __NR_sysinfo: return system_info(reinterpret_cast<SystemInfo*>(a[0]));
    case __NR_getcpu:
      if (a[0]) *reinterpret_cast<std::uint32_t*>(a[0]) = 0;
      if (a[1]) *reinterpret_cast<std::uint32_t*>(a[1]) = 0;
      return 0;
    case __NR_sched_getaffinity: return one_processor(call);
    case __NR_sched_getscheduler: return is_self(a[0]) ? 0 : -no_such_process;
    case __NR_sched_getparam:
      if (!is_self(a[0])) return -no_such_process;
      *reinterpret_cast<std::int32_t*>(a[1]) = 0;
      return 0;
    case __NR_getpriority: return 20;  // A niceness of 0, as this call expresses it.
    case __NR_getrlimit:
      return resource_limit(static_cast<std::uint32_t>(a[0]), reinterpret_cast<strict::ResourceLimit*>(a[1]));
    case __NR_prlimit64: return change_limit(call);
    case __NR_getrandom: return random_bytes(a[0], a[1]);
    default: return not_ours;
  }
}

}  // namespace forgepool::sandbox::box_init
