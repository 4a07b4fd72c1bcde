#pragma once
/// What the in-memory transports of one process share: who listens where, and how one end reaches another that may live on
/// another loop (and thread). Only values and weak references cross; every object is used and destroyed on its own loop.
#include <forgepool/backends/memory_transport.hpp>

#include <map>
#include <mutex>
#include <optional>

namespace forgepool {
namespace transport {

/// Runs tasks on an end's loop until the end closes it. After `close` has returned the loop is not touched any more.
class Mailbox {
 public:
  explicit Mailbox(EventLoop& loop) : loop_(&loop) {}

  void post(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    if (loop_) loop_->post(std::move(task));
  }
  void close() {
    const std::lock_guard lock(mutex_);
    loop_ = nullptr;
  }

 private:
  std::mutex mutex_;
  EventLoop* loop_;  // Guarded by mutex_.
};

/// A way to an end. `tell` does nothing once the end is gone.
template <class End>
struct EndHandle {
  std::shared_ptr<Mailbox> mailbox;
  std::weak_ptr<End> end;

  template <class Message>
  void tell(Message message) const {
    mailbox->post([end = end, message = std::move(message)]() mutable {
      if (const auto alive = end.lock()) message(*alive);
    });
  }
};

class MemoryClient;
class MemoryListener;
using MemoryConnectionId = std::uint64_t;

}  // namespace transport

class MemoryNetwork {
 public:
  using ListenerHandle = transport::EndHandle<transport::MemoryListener>;

  /// The port; `unavailable` if the address is taken.
  Result<std::uint16_t> add(const std::string& address, std::uint16_t port, ListenerHandle listener);
  void remove(const std::string& address, std::uint16_t port);
  std::optional<ListenerHandle> find(const std::string& address, std::uint16_t port) const;
  transport::MemoryConnectionId next_connection();

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::map<std::pair<std::string, std::uint16_t>, ListenerHandle> listeners_;
  transport::MemoryConnectionId last_connection_ = 0;
};

}  // namespace forgepool
