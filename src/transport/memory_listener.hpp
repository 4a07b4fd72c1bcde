#pragma once
/// The listening end of the in-memory transport. The handshake has TLS 1.3's order: the client judges the listener before it
/// shows its own certificate.
#include "transport/memory_network.hpp"

namespace forgepool::transport {

class MemoryListener final : public std::enable_shared_from_this<MemoryListener> {
 public:
  using ClientHandle = EndHandle<MemoryClient>;

  MemoryListener(EventLoop& loop, std::shared_ptr<MemoryNetwork> network, std::shared_ptr<LogSink> log, ListenOptions options)
      : loop_(loop),
        network_(std::move(network)),
        log_(std::move(log)),
        options_(std::move(options)),
        mailbox_(std::make_shared<Mailbox>(loop)) {}

  Status start();
  std::uint16_t port() const { return options_.port; }
  void close();
  void disconnect(const std::function<bool(const Peer&)>& whose);
  Status set_identity(TransportIdentity identity);

  // What clients tell.
  void opened(MemoryConnectionId id, ClientHandle client);
  void presented(MemoryConnectionId id, const std::vector<Bytes>& chain);
  void requested(MemoryConnectionId id, std::uint64_t exchange, Request request);
  void closed_by_client(MemoryConnectionId id);

 private:
  struct Accepted {
    ClientHandle client;
    Peer peer;
    bool established = false;
    std::unique_ptr<Subscription> handshake_timeout;
  };
  void refuse(MemoryConnectionId id, const std::string& reason, Error told);
  void end(MemoryConnectionId id, Error error);
  void respond(MemoryConnectionId id, std::uint64_t exchange, Response response);

  EventLoop& loop_;
  const std::shared_ptr<MemoryNetwork> network_;
  const std::shared_ptr<LogSink> log_;
  ListenOptions options_;  ///< Its port is the real one after `start`.
  const std::shared_ptr<Mailbox> mailbox_;
  std::map<MemoryConnectionId, Accepted> connections_;
  bool closed_ = false;
};

}  // namespace forgepool::transport
