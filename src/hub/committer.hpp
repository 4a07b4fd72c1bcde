#pragma once
/// Group commit: batches that come while one is being made durable go together with the next one. Answers wait for everything
/// before them. Loop thread only; the commits themselves run where the loop runs commits, behind nobody's other work.
#include <forgepool/event_loop.hpp>
#include <forgepool/ledger.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace forgepool::hub {

class Committer {
 public:
  /// After a failed commit `on_fatal` is called once, and nothing that waits ever runs but what waits for the end.
  Committer(EventLoop& loop, std::shared_ptr<Ledger> ledger, std::function<void(const Error&)> on_fatal);
  ~Committer();

  /// Runs `then` on the loop once `batch`, and every batch before it, is durable; at once if everything is already.
  void after(LedgerBatch batch, std::function<void()> then);
  /// Likewise, but `then` also runs if it never will be durable, because the ledger failed: for who wants to stop.
  void at_the_end(LedgerBatch batch, std::function<void()> then);
  bool failed() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace forgepool::hub
