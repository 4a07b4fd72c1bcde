#include "hub/committer.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace forgepool::hub {

/// Shared with the commit under way, which may outlive the committer.
struct Committer::State : std::enable_shared_from_this<State> {
  State(EventLoop& l, std::shared_ptr<Ledger> g, std::function<void(const Error&)> f)
      : loop(l), ledger(std::move(g)), on_fatal(std::move(f)) {}

  void start() {
    committing = true;
    struct Flight {
      LedgerBatch batch;
      std::vector<std::function<void()>> waiting;
      Status outcome;
    };
    auto flight = std::make_shared<Flight>(Flight{std::exchange(pending, {}), std::exchange(waiting, {}), {}});
    loop.run_commit(
        [flight, target = ledger] {
          if (flight->batch.empty()) return;
          if (const auto head = target->commit(flight->batch); !head) flight->outcome = fail(head.error());
        },
        [flight, self = shared_from_this()] {
          if (!self->alive) return;
          if (!flight->outcome) {
            self->failed = true;
            if (self->on_fatal) self->on_fatal(flight->outcome.error());
            for (const auto& then : std::exchange(self->ending, {}))
              if (auto call = std::exchange(*then, nullptr)) call();
            return;
          }
          self->committing = false;
          for (auto& then : flight->waiting) {
            then();
            if (!self->alive) return;
          }
          if (!self->committing && (!self->pending.empty() || !self->waiting.empty())) self->start();
        });
  }

  EventLoop& loop;
  const std::shared_ptr<Ledger> ledger;
  std::function<void(const Error&)> on_fatal;
  LedgerBatch pending;
  std::vector<std::function<void()>> waiting;
  std::vector<std::shared_ptr<std::function<void()>>> ending;  ///< Called in any case, once.
  bool committing = false;
  bool failed = false;
  bool alive = true;
};

Committer::Committer(EventLoop& loop, std::shared_ptr<Ledger> ledger, std::function<void(const Error&)> on_fatal)
    : state_(std::make_shared<State>(loop, std::move(ledger), std::move(on_fatal))) {}

Committer::~Committer() {
  state_->alive = false;
  state_->pending = {};
  state_->waiting.clear();
  state_->ending.clear();
  state_->on_fatal = nullptr;
}

bool Committer::failed() const {
  return state_->failed;
}

void Committer::at_the_end(LedgerBatch batch, std::function<void()> then) {
  if (state_->failed) return then();
  const auto once = std::make_shared<std::function<void()>>(std::move(then));
  state_->ending.push_back(once);
  after(std::move(batch), [once] {
    if (auto call = std::exchange(*once, nullptr)) call();
  });
}

void Committer::after(LedgerBatch batch, std::function<void()> then) {
  State& state = *state_;
  if (state.failed) return;
  if (batch.empty() && !state.committing && state.pending.empty() && state.waiting.empty()) {
    if (then) then();
    return;
  }
  std::ranges::move(batch.leaves, std::back_inserter(state.pending.leaves));
  std::ranges::move(batch.writes, std::back_inserter(state.pending.writes));
#if FORGEPOOL_MUTANT == 1  // For tests/simulation: answers before it is durable.
  if (then) std::exchange(then, nullptr)();
#endif
  if (then) state.waiting.push_back(std::move(then));
  if (!state.committing) state.start();
}

}  // namespace forgepool::hub
