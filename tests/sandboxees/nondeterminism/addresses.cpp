#include "probe.hpp"

#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <unordered_set>

extern char** environ;

namespace {

int initialised = 1;
thread_local int of_this_thread = 2;

std::string address(void* pointer) {
  return text("%p", pointer);
}

void* map_pages(std::size_t bytes) {
  return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

std::string order_of_a_set_of_pointers() {
  std::unordered_set<void*> set;
  for (std::size_t i = 0; i < 60; ++i) set.insert(std::malloc(16 + i * 7));
  set.insert(&initialised);
  set.insert(map_pages(4096));
  std::string order;
  for (void* pointer : set) order += address(pointer);
  return hashed(order);
}

std::string moved_mapping() {
  void* first = map_pages(8192);
  map_pages(4096);
  void* moved = mremap(first, 8192, 1 << 20, MREMAP_MAYMOVE);
  return address(first) + " " + address(moved);
}

std::string after_unmapping() {
  void* first = map_pages(3 << 20);
  munmap(first, 3 << 20);
  return address(first) + " " + address(map_pages(2 << 20));
}

std::string program_headers() {
  std::string seen;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        *static_cast<std::string*>(out) +=
            text("%lx %p %d;", info->dlpi_addr, static_cast<const void*>(info->dlpi_phdr), info->dlpi_phnum);
        return 0;
      },
      &seen);
  return seen;
}

std::string auxiliary_vector() {
  char** at = environ;
  while (*at) ++at;
  const auto* word = reinterpret_cast<const unsigned long*>(at + 1);
  std::string seen;
  for (; word[0] != AT_NULL; word += 2) seen += text("%lu:%lx,", word[0], word[1]);
  return hashed(seen);
}

}  // namespace

void add_addresses(Probes& probes) {
  probes.insert(probes.end(),
                {{"address of the stack",
                  [] {
                    volatile int local = 0;
                    return address(const_cast<int*>(&local));
                  }},
                 {"address of the heap", [] { return address(std::malloc(100)); }},
                 {"address of a large allocation", [] { return address(std::malloc(4 << 20)); }},
                 {"address of a growing allocation",
                  [] {
                    void* block = std::malloc(200'000);
                    for (std::size_t size = 400'000; size < 20'000'000; size *= 2) block = std::realloc(block, size);
                    return address(block);
                  }},
                 {"end of the heap", [] { return address(sbrk(0)); }},
                 {"address of a mapping", [] { return address(map_pages(4096)); }},
                 {"address of a huge mapping", [] { return address(map_pages(16 << 20)); }},
                 {"address of a moved mapping", moved_mapping},
                 {"address after unmapping", after_unmapping},
                 {"address of code", [] { return address(reinterpret_cast<void*>(&order_of_a_set_of_pointers)); }},
                 {"address of data", [] { return address(&initialised); }},
                 {"address of the C library", [] { return address(reinterpret_cast<void*>(&std::printf)); }},
                 {"address of thread-local data", [] { return address(&of_this_thread); }},
                 {"address of errno", [] { return address(&errno); }},
                 {"address of the environment", [] { return address(environ); }},
                 {"address of the vDSO", [] { return text("%lx", getauxval(AT_SYSINFO_EHDR)); }},
                 {"program headers", program_headers},
                 {"auxiliary vector", auxiliary_vector},
                 {"order of a set of pointers", order_of_a_set_of_pointers}});
}
