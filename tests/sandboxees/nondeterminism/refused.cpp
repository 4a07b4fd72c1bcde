#include "probe.hpp"

#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

void add_refused(Probes& probes) {
  probes.insert(probes.end(), {{"alarm", [] { return result(alarm(1)); }},
                               {"setitimer",
                                [] {
                                  const itimerval value{{0, 0}, {0, 100}};
                                  return result(setitimer(ITIMER_REAL, &value, nullptr));
                                }},
                               {"timer_create",
                                [] {
                                  timer_t timer{};
                                  return result(timer_create(CLOCK_REALTIME, nullptr, &timer));
                                }},
                               {"fork", [] { return result(syscall(SYS_fork)); }},
                               {"vfork", [] { return result(syscall(SYS_vfork)); }},
                               {"execve", [] { return result(execl("/program", "program", nullptr)); }},
                               {"execveat", [] { return result(syscall(SYS_execveat, 0, "", nullptr, nullptr, 0)); }},
                               {"ptrace", [] { return result(syscall(SYS_ptrace, 0, 0, 0, 0)); }}});
}
