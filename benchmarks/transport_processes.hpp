#pragma once
/// Two processes for a measurement: a peer in the background and the measuring one, each on a CPU of its own, with real-time
/// priority where that is allowed, so that other load on the machine counts as little as possible.
#include <cstdint>
#include <functional>

namespace bench {

/// Forks a peer that runs `serve` and tells its port through `ready`; ends it (SIGKILL) when destroyed.
class PeerProcess {
 public:
  using Ready = std::function<void(std::uint16_t port)>;
  explicit PeerProcess(const std::function<void(Ready ready)>& serve);
  ~PeerProcess();
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  int pid_ = 0;
  std::uint16_t port_ = 0;
};

/// Puts the calling process on a CPU; true if it also got real-time priority.
bool take_cpu(unsigned cpu);
/// The last CPU's number, or 0 where there is only one.
unsigned last_cpu();

double now_s();

}  // namespace bench
