/// The virtual vDSO: what the C library calls in place of the clocks' system calls, as the kernel's own offers it (same names,
/// same version, see vdso(7)). It costs nanoseconds and reads the program's own clock page. A program of its own: no other
/// code.
#include "sandbox/strict/world.hpp"

namespace strict = forgepool::sandbox::strict;

extern "C" {

int __vdso_clock_gettime(int id, std::int64_t* time) {
  std::int64_t base_s;
  if (!strict::clock_base(id, base_s)) return -22;  // EINVAL
  const auto now = strict::look_at_clock();
  time[0] = base_s + static_cast<std::int64_t>(now / strict::ns_per_s);
  time[1] = static_cast<std::int64_t>(now % strict::ns_per_s);
  return 0;
}

int __vdso_clock_getres(int id, std::int64_t* resolution) {
  std::int64_t base_s;
  if (!strict::clock_base(id, base_s)) return -22;
  if (resolution) resolution[0] = 0, resolution[1] = 1;
  return 0;
}

int __vdso_gettimeofday(std::int64_t* time, int* zone) {
  std::int64_t now[2];
  __vdso_clock_gettime(0, now);
  if (time) time[0] = now[0], time[1] = now[1] / 1000;
  if (zone) zone[0] = zone[1] = 0;
  return 0;
}

std::int64_t __vdso_time(std::int64_t* seconds) {
  std::int64_t now[2];
  __vdso_clock_gettime(0, now);
  if (seconds) *seconds = now[0];
  return now[0];
}

int __vdso_getcpu(unsigned* cpu, unsigned* node, void*) {
  if (cpu) *cpu = 0;
  if (node) *node = 0;
  return 0;
}

int clock_gettime(int, std::int64_t*) __attribute__((weak, alias("__vdso_clock_gettime")));
int clock_getres(int, std::int64_t*) __attribute__((weak, alias("__vdso_clock_getres")));
int gettimeofday(std::int64_t*, int*) __attribute__((weak, alias("__vdso_gettimeofday")));
std::int64_t time(std::int64_t*) __attribute__((weak, alias("__vdso_time")));
int getcpu(unsigned*, unsigned*, void*) __attribute__((weak, alias("__vdso_getcpu")));
}
