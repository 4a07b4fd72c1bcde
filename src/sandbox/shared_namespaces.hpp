#pragma once
/// A network and an IPC namespace that hold nothing, shared by all boxes of an agent. Making and taking down one of each per
/// box costs more than all the rest of a box together. Nothing can be met there: the filter lets no program make a socket, a
/// message queue, a semaphore or shared memory. Only for agents that may join namespaces (root): in a box of an unprivileged
/// agent these two belong to the box.
#include "sandbox/unique_fd.hpp"

namespace forgepool::sandbox {

class SharedNamespaces {
 public:
  /// Makes them, empty-handed where that is not allowed.
  static SharedNamespaces make();

  explicit operator bool() const { return network_ && ipc_; }

 private:
  friend class InSharedNamespaces;
  UniqueFd network_, ipc_;
};

/// While it lives, this thread is in the shared namespaces; what it clones is born there. Other threads are not concerned.
class InSharedNamespaces {
 public:
  /// Null: does nothing.
  explicit InSharedNamespaces(const SharedNamespaces* shared);
  InSharedNamespaces(const InSharedNamespaces&) = delete;
  InSharedNamespaces& operator=(const InSharedNamespaces&) = delete;
  ~InSharedNamespaces();

  /// False if they could not be joined; the thread is where it was.
  bool joined() const { return joined_; }

 private:
  UniqueFd own_network_, own_ipc_;
  bool joined_ = false;
};

}  // namespace forgepool::sandbox
