#include "probe.hpp"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

std::string read_device(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return result(fd);
  std::uint64_t value = 0;
  const long got = read(fd, &value, sizeof value);
  close(fd);
  return text("descriptor %d, %ld: %016lx", fd, got, value);
}

std::string read_copy() {
  const int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return result(fd);
  const int copy = dup(fd);
  std::uint64_t values[2] = {};
  iovec parts[] = {{&values[0], 8}, {&values[1], 8}};
  const long got = readv(copy, parts, 2);
  close(fd);
  close(copy);
  return text("%ld: %016lx %016lx", got, values[0], values[1]);
}

std::string read_stream() {
  std::FILE* stream = std::fopen("/dev/urandom", "rb");
  if (!stream) return result(-1);
  std::uint64_t value = 0;
  const auto got = std::fread(&value, sizeof value, 1, stream);
  std::fclose(stream);
  return text("%zu: %016lx", got, value);
}

std::string temporary_name() {
  char name[] = "/tmp/probe-XXXXXX";
  const int fd = mkstemp(name);
  if (fd < 0) return result(fd);
  close(fd);
  unlink(name);
  return name;
}

template <int offset>
std::string thread_word() {
  std::uint64_t word = 0;
  asm("mov %%fs:%c1, %0" : "=r"(word) : "i"(offset));
  return text("%016lx", word);
}

}  // namespace

void add_randomness(Probes& probes) {
  probes.insert(probes.end(), {{"getrandom",
                                [] {
                                  std::uint64_t value = 0;
                                  const long got = getrandom(&value, sizeof value, 0);
                                  return text("%ld: %016lx", got, value);
                                }},
                               {"getrandom, much",
                                [] {
                                  std::string bytes(5000, '\0');
                                  const long got = getrandom(bytes.data(), bytes.size(), GRND_NONBLOCK);
                                  return text("%ld: %016lx", got, hash_of(bytes.data(), bytes.size()));
                                }},
                               {"getentropy",
                                [] {
                                  std::uint64_t value = 0;
                                  const int answer = getentropy(&value, sizeof value);
                                  return text("%d: %016lx", answer, value);
                                }},
                               {"/dev/urandom", [] { return read_device("/dev/urandom"); }},
                               {"/dev/random", [] { return read_device("/dev/random"); }},
                               {"/dev/hwrng", [] { return read_device("/dev/hwrng"); }},
                               {"copy of a descriptor of /dev/urandom", read_copy},
                               {"stream of /dev/urandom", read_stream},
                               {"arc4random", [] { return text("%08x", arc4random()); }},
                               {"mkstemp", temporary_name},
                               {"AT_RANDOM",
                                [] {
                                  const auto* bytes = reinterpret_cast<const std::uint64_t*>(getauxval(AT_RANDOM));
                                  return bytes ? text("%016lx%016lx", bytes[0], bytes[1]) : "none";
                                }},
                               {"stack protector's canary", thread_word<0x28>},
                               {"pointer guard", thread_word<0x30>}});
}
