#include "sandbox/shared_namespaces.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

namespace forgepool::sandbox {
namespace {

UniqueFd own_namespace(const char* path) {
  return UniqueFd(::open(path, O_RDONLY | O_CLOEXEC));
}
UniqueFd own_network() {
  return own_namespace("/proc/thread-self/ns/net");
}
UniqueFd own_ipc() {
  return own_namespace("/proc/thread-self/ns/ipc");
}

}  // namespace

SharedNamespaces SharedNamespaces::make() {
  SharedNamespaces shared;
  // On a thread of its own, which ends there: the caller's stays where it is.
  std::thread([&shared] {
    if (::unshare(CLONE_NEWNET | CLONE_NEWIPC) != 0) return;
    shared.network_ = own_network();
    shared.ipc_ = own_ipc();
  }).join();
  if (shared && !InSharedNamespaces(&shared).joined()) return {};
  return shared;
}

InSharedNamespaces::InSharedNamespaces(const SharedNamespaces* shared) {
  if (!shared || !*shared) return;
  own_network_ = own_network();
  own_ipc_ = own_ipc();
  if (!own_network_ || !own_ipc_ || ::setns(shared->network_.get(), CLONE_NEWNET) != 0) return;
  if (::setns(shared->ipc_.get(), CLONE_NEWIPC) == 0) {
    joined_ = true;
    return;
  }
  if (::setns(own_network_.get(), CLONE_NEWNET) != 0) std::abort();
}

InSharedNamespaces::~InSharedNamespaces() {
  if (!joined_) return;
  // What was allowed a moment ago is still allowed. A thread of the host's that is left in another network would be worse than
  // none.
  if (::setns(own_network_.get(), CLONE_NEWNET) != 0 || ::setns(own_ipc_.get(), CLONE_NEWIPC) != 0) {
    std::fputs("forgepool: a thread cannot return to its own network namespace\n", stderr);
    std::abort();
  }
}

}  // namespace forgepool::sandbox
