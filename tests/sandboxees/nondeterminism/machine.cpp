#include "probe.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace {

std::string information() {
  struct sysinfo it {};
  const int answer = sysinfo(&it);
  return text("%d: up %ld, free %lu of %lu, %u processes, load %lu", answer, it.uptime, it.freeram, it.totalram, it.procs,
              it.loads[0]);
}

std::string load() {
  double averages[3] = {};
  const int count = getloadavg(averages, 3);
  return text("%d: %f", count, averages[0]);
}

std::string affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int answer = sched_getaffinity(0, sizeof set, &set);
  return text("%d: %d", answer, CPU_COUNT(&set));
}

std::string limits() {
  std::string seen;
  for (int resource = 0; resource < 16; ++resource) {
    rlimit limit{};
    getrlimit(static_cast<__rlimit_resource>(resource), &limit);
    seen += text("%ld/%ld,", static_cast<long>(limit.rlim_cur), static_cast<long>(limit.rlim_max));
  }
  return hashed(seen);
}

/// Another thread is a clock: it counts.
volatile bool stop = false;
volatile std::uint64_t counted = 0;

void* count_up(void*) {
  while (!stop) counted = counted + 1;
  return nullptr;
}

std::string count_of_another_thread() {
  pthread_t thread;
  const int error = pthread_create(&thread, nullptr, count_up, nullptr);
  if (error != 0) return std::strerror(error);
  usleep(1000);
  stop = true;
  pthread_join(thread, nullptr);
  return text("%lu", counted);
}

std::string resident_pages() {
  void* pages = mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  std::memset(pages, 1, 20'000);
  unsigned char resident[16] = {};
  const int answer = mincore(pages, 65536, resident);
  return result(answer) + text(": %016lx", hash_of(resident, sizeof resident));
}

std::string freed_pages() {
  auto* pages = static_cast<char*>(mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  std::memset(pages, 7, 1 << 20);
  const int answer = madvise(pages, 1 << 20, MADV_FREE);
  return result(answer) + text(": %016lx", hash_of(pages, 1 << 20));
}

template <int name>
std::string configured() {
  return text("%ld", sysconf(name));
}

std::string file(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return result(fd);
  std::string content;
  char buffer[4096];
  long got;
  while ((got = read(fd, buffer, sizeof buffer)) > 0) content.append(buffer, static_cast<std::size_t>(got));
  close(fd);
  return hashed(content);
}

}  // namespace

void add_machine(Probes& probes) {
  probes.insert(probes.end(), {{"sysinfo", information},
                               {"load average", load},
                               {"sched_getcpu", [] { return result(sched_getcpu()); }},
                               {"system call getcpu",
                                [] {
                                  unsigned processor = 99, node = 99;
                                  const long answer = syscall(SYS_getcpu, &processor, &node, nullptr);
                                  return text("%ld: %u %u", answer, processor, node);
                                }},
                               {"affinity", affinity},
                               {"processors online", configured<_SC_NPROCESSORS_ONLN>},
                               {"processors configured", configured<_SC_NPROCESSORS_CONF>},
                               {"pages of memory", configured<_SC_PHYS_PAGES>},
                               {"free pages of memory", configured<_SC_AVPHYS_PAGES>},
                               {"size of a page", configured<_SC_PAGESIZE>},
                               {"most open files", configured<_SC_OPEN_MAX>},
                               {"limits", limits},
                               {"niceness", [] { return result(getpriority(PRIO_PROCESS, 0)); }},
                               {"scheduling class", [] { return result(sched_getscheduler(0)); }},
                               {"membarrier", [] { return result(syscall(SYS_membarrier, 0, 0, 0)); }},
                               {"socket", [] { return result(socket(AF_INET, SOCK_DGRAM, 0)); }},
                               {"eventfd", [] { return result(eventfd(0, EFD_CLOEXEC)); }},
                               {"resident pages", resident_pages},
                               {"pages given back", freed_pages},
                               {"count of another thread", count_of_another_thread},
                               {"/proc/self/stat", [] { return file("/proc/self/stat"); }},
                               {"/proc/self/maps", [] { return file("/proc/self/maps"); }},
                               {"/proc/cpuinfo", [] { return file("/proc/cpuinfo"); }},
                               {"/proc/meminfo", [] { return file("/proc/meminfo"); }},
                               {"/proc/uptime", [] { return file("/proc/uptime"); }},
                               {"/proc/interrupts", [] { return file("/proc/interrupts"); }},
                               {"/proc/sys/kernel/random/boot_id", [] { return file("/proc/sys/kernel/random/boot_id"); }},
                               {"/sys/devices/system/cpu/online", [] { return file("/sys/devices/system/cpu/online"); }},
                               {"/etc/machine-id", [] { return file("/etc/machine-id"); }},
                               {"/etc/hostname", [] { return file("/etc/hostname"); }},
                               {"/etc/localtime", [] { return file("/etc/localtime"); }},
                               {"/etc/resolv.conf", [] { return file("/etc/resolv.conf"); }}});
}
