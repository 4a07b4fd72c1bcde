#include "transport_processes.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace bench {

PeerProcess::PeerProcess(const std::function<void(Ready)>& serve) {
  int channel[2];
  if (pipe(channel) != 0) std::abort();
  std::fflush(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    take_cpu(0);
    serve([&](std::uint16_t port) { (void)!write(channel[1], &port, sizeof port); });
    _exit(0);
  }
  if (pid_ < 0 || read(channel[0], &port_, sizeof port_) != sizeof port_) {
    std::fputs("the peer process did not start\n", stderr);
    std::exit(1);
  }
  close(channel[0]);
  close(channel[1]);
}

PeerProcess::~PeerProcess() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool take_cpu(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set);
  const sched_param priority{.sched_priority = 10};
  return sched_setscheduler(0, SCHED_FIFO, &priority) == 0;
}

unsigned last_cpu() {
  return std::max(1u, std::thread::hardware_concurrency()) - 1;
}

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace bench
