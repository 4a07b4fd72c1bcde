/// Prints a line "source=value" for every source of nondeterminism that it knows: `nondeterminism`. With `refused` it prints
/// the names of those that a strict program is ended for, and with the name of one of them it does that.
#include "probe.hpp"

#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace {

sigjmp_buf before_probe;
volatile sig_atomic_t last_signal;

void on_signal(int signal) {
  last_signal = signal;
  siglongjmp(before_probe, 1);
}

void look_and_print(const Probe& probe) {
  // A probe that is trapped has an answer, too, if it is the same every time.
  if (sigsetjmp(before_probe, 1) == 0)
    std::printf("%s=%s\n", probe.name, probe.look().c_str());
  else
    std::printf("%s=signal %d\n", probe.name, static_cast<int>(last_signal));
}

}  // namespace

std::string text(const char* format, ...) {
  char buffer[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  return buffer;
}

std::string result(long value) {
  return value >= 0 ? text("%ld", value) : std::string(std::strerror(errno));
}

std::uint64_t hash_of(const void* data, std::size_t size) {
  std::uint64_t hash = 1469598103934665603u;
  for (std::size_t i = 0; i < size; ++i) hash = (hash ^ static_cast<const unsigned char*>(data)[i]) * 1099511628211u;
  return hash;
}

std::string hashed(const std::string& data) {
  return text("%zu bytes, %016lx", data.size(), hash_of(data.data(), data.size()));
}

int main(int count, char** arguments) {
  for (const int signal : {SIGSEGV, SIGILL, SIGBUS, SIGFPE}) std::signal(signal, on_signal);
  Probes probes;
  if (count > 1) {
    add_refused(probes);
    for (const auto& probe : probes) {
      if (std::strcmp(arguments[1], "refused") == 0) std::printf("%s\n", probe.name);
      if (std::strcmp(arguments[1], probe.name) == 0) look_and_print(probe);
    }
    return 0;
  }
  for (const auto add : {add_clocks, add_randomness, add_addresses, add_identity, add_machine, add_files, add_computation})
    add(probes);
  for (const auto& probe : probes) look_and_print(probe);
  return 0;
}
