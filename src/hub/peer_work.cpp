#include "hub/peer_work.hpp"

#include "hub/responses.hpp"

#include <deque>
#include <map>
#include <utility>

namespace forgepool::hub {
namespace {

/// A peer is a key; without a certificate, an address.
std::string name_of(const Peer& peer) {
  return peer.certificate.empty() ? peer.address : peer.key_pin.hex();
}

}  // namespace

/// Shared with the work under way and with answers that are not taken yet, which may outlive the hub.
struct PeerWork::State : std::enable_shared_from_this<State> {
  State(EventLoop& l, PeerWorkLimits m) : loop(l), limits(m) {}

  struct Piece {
    std::function<void()> work, done;
  };
  struct Queue {
    std::deque<Piece> waiting;
    std::size_t untaken = 0, untaken_bytes = 0;  ///< Answers.
    bool at_work = false;
    bool in_line = false;
  };

  /// An answer on its way to a peer.
  struct Untaken {
    Untaken(std::shared_ptr<State> s, std::string p, std::size_t b) : state(std::move(s)), peer(std::move(p)), bytes(b) {
      Queue& queue = state->queues[peer];
      ++queue.untaken;
      queue.untaken_bytes += bytes;
    }
    Untaken(const Untaken&) = delete;
    ~Untaken() {
      Queue& queue = state->queues.at(peer);
      --queue.untaken;
      queue.untaken_bytes -= bytes;
      state->look_at(peer);
    }
    const std::shared_ptr<State> state;
    const std::string peer;
    const std::size_t bytes;
  };

  /// Puts the peer in line if its next piece may begin, forgets it if there is nothing of it, and begins what can be.
  void look_at(const std::string& peer) {
    const auto found = queues.find(peer);
    if (found == queues.end()) return;
    Queue& queue = found->second;
    if (!queue.waiting.empty() && !queue.at_work && !queue.in_line && queue.untaken_bytes <= limits.untaken_bytes_per_peer) {
      queue.in_line = true;
      line.push_back(peer);
    }
    if (queue.waiting.empty() && !queue.at_work && queue.untaken == 0) queues.erase(found);
    while (alive && at_work < limits.at_once && !line.empty()) begin();
  }

  void begin() {
    const std::string peer = std::move(line.front());
    line.pop_front();
    Queue& queue = queues.at(peer);
    queue.in_line = false;
    queue.at_work = true;
    ++at_work;
    Piece piece = std::move(queue.waiting.front());
    queue.waiting.pop_front();
    loop.run_blocking(std::move(piece.work), [self = shared_from_this(), peer, done = std::move(piece.done)] {
      --self->at_work;
      self->queues.at(peer).at_work = false;
      if (self->alive) done();
      self->look_at(peer);
    });
  }

  EventLoop& loop;
  const PeerWorkLimits limits;
  std::map<std::string, Queue> queues;
  std::deque<std::string> line;  ///< Peers whose next piece may begin, in turn.
  std::size_t at_work = 0;
  bool alive = true;
};

PeerWork::PeerWork(EventLoop& loop, PeerWorkLimits limits) : state_(std::make_shared<State>(loop, limits)) {}

PeerWork::~PeerWork() {
  state_->alive = false;
  state_->line.clear();
  for (auto& [peer, queue] : state_->queues) {
    queue.waiting.clear();
    queue.in_line = false;
  }
}

bool PeerWork::run(const Peer& peer, std::function<void()> work, std::function<void()> done) {
  const std::string name = name_of(peer);
  auto& queue = state_->queues[name];
  if (!name.empty() && queue.waiting.size() >= state_->limits.queued_per_peer) return false;
  queue.waiting.push_back({std::move(work), std::move(done)});
  state_->look_at(name);
  return true;
}

void PeerWork::answer(const Peer& peer, Responder respond, std::function<Response()> work) {
  const auto response = std::make_shared<Response>();
  const auto shared = std::make_shared<Responder>(std::move(respond));
  const bool taken = run(
      peer, [response, work = std::move(work)] { *response = work(); },
      [response, shared, name = name_of(peer), state = state_] {
        response->until_taken = std::make_shared<State::Untaken>(state, name, response->body.size());
        (*shared)(std::move(*response));
      });
  if (!taken) (*shared)(failure(too_much_waits()));
}

Error too_much_waits() {
  return {ErrorKind::unavailable, "peer_queue: too many of your requests wait for this hub's disk already; ask again later"};
}

}  // namespace forgepool::hub
