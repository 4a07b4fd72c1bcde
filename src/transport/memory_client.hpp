#pragma once
/// The connecting end of the in-memory transport.
#include "transport/memory_network.hpp"

#include <deque>

namespace forgepool::transport {

class MemoryClient final : public std::enable_shared_from_this<MemoryClient> {
 public:
  using Done = std::function<void(Result<Response>)>;

  MemoryClient(EventLoop& loop, std::shared_ptr<MemoryNetwork> network, std::shared_ptr<LogSink> log, ConnectOptions options)
      : loop_(loop),
        network_(std::move(network)),
        log_(std::move(log)),
        options_(std::move(options)),
        mailbox_(std::make_shared<Mailbox>(loop)),
        id_(network_->next_connection()) {}

  void start();
  void send(Request request, Done done);
  bool usable() const { return !end_; }
  void close();

  // What the listener tells.
  void offered(const std::vector<Bytes>& chain);
  void accepted(std::uint32_t max_concurrent_requests);
  void responded(std::uint64_t exchange, Response response);
  void ended(Error error);

 private:
  struct Waiting {
    Request request;
    Done done;
  };
  void submit();
  void report(Done done, Result<Response> result);
  std::string address() const { return options_.address + ":" + std::to_string(options_.port); }

  EventLoop& loop_;
  const std::shared_ptr<MemoryNetwork> network_;
  const std::shared_ptr<LogSink> log_;
  const ConnectOptions options_;
  const std::shared_ptr<Mailbox> mailbox_;
  const MemoryConnectionId id_;
  std::optional<MemoryNetwork::ListenerHandle> listener_;
  std::unique_ptr<Subscription> handshake_timeout_;
  std::uint32_t places_ = 0;  ///< How many requests may be under way; none before the listener has accepted.
  std::deque<Waiting> waiting_;
  std::map<std::uint64_t, Done> in_flight_;
  std::uint64_t last_exchange_ = 0;
  std::optional<Error> end_;
  bool closed_ = false;
};

}  // namespace forgepool::transport
