#pragma once
/// Makes deletion real. What the state machine deletes leaves the ledger's state with its transaction; this sees to it that it
/// leaves the disk, too, and does the deletions for which the ledger has to be asked what there is.
///
/// One disposal: (1) the key store makes the next content key; (2) one transaction wraps every key of content that is left
/// under it; (3) the ledger cleans its files (`Ledger::scrub`); (4) the key store destroys the content keys before. What any
/// copy of the ledger's files holds of deleted content is then encrypted under a key that nobody has. After a crash at any of
/// these points the hub begins with (1) when it is opened again: a record says that something is to be disposed of.
///
/// All of that costs as much as there is in the state, and nothing is committed in (3): so it is begun once in
/// `HubOptions::disposal_interval` at most, however much is erased in it.
///
/// Loop thread only; what blocks runs on the pool.
#include "hub/committer.hpp"
#include "hub/hub_core.hpp"
#include "hub/peer_work.hpp"

#include <forgepool/event_loop.hpp>

namespace forgepool::hub {

class Disposal {
 public:
  /// `settle` is called after each call of the state machine (`Endpoints::settle`).
  Disposal(EventLoop& loop, HubCore& core, Committer& committer, std::shared_ptr<Ledger> ledger, HubIdentity& identity,
           PeerWork& work, LogSink& log, std::function<void()> settle);
  ~Disposal();

  /// Begins whatever is due. Called with every settling.
  void run();
  /// Erases a job that may be erased, and calls `done` once nothing of it is on the disk any more. After an error some may be:
  /// it is tried again until it is gone. `unavailable`, and nothing is erased, if too much of `peer` waits.
  void erase(const Peer& peer, const JobId& job, std::function<void(Status)> done);

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace forgepool::hub
