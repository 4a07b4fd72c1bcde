#pragma once
/// Blocking work that peers ask for: what has to be read from the ledger, proved, decrypted or collected. Each peer has a queue
/// of its own, and the queues are served in turn, one piece of each at a time and few in all: whoever asks for much waits
/// behind itself. Loop thread only; the work runs on the loop's pool.
#include <forgepool/event_loop.hpp>
#include <forgepool/transport.hpp>

#include <memory>

namespace forgepool::hub {

struct PeerWorkLimits {
  std::size_t at_once = 2;                        ///< Of all peers, so that the pool has room for the hub's own work.
  std::size_t queued_per_peer = 64;               ///< Further work is refused.
  std::size_t untaken_bytes_per_peer = 4u << 20;  ///< A peer that holds more answers than that has to take some first.
};

class PeerWork {
 public:
  explicit PeerWork(EventLoop& loop, PeerWorkLimits limits = {});
  ~PeerWork();

  /// Runs `work` on the pool when it is the peer's turn, then `done` on the loop, unless this object is gone by then. False,
  /// and nothing runs, if too much of this peer waits already. A peer without certificate and address is the hub itself, and
  /// has no bound.
  [[nodiscard]] bool run(const Peer& peer, std::function<void()> work, std::function<void()> done);
  /// Answers with what `work` makes, which counts as the peer's until it has been taken; with 503 if too much waits already.
  void answer(const Peer& peer, Responder respond, std::function<Response()> work);

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

/// What a peer is told whose work was refused.
Error too_much_waits();

}  // namespace forgepool::hub
