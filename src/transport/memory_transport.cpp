#include "transport/memory_client.hpp"
#include "transport/memory_listener.hpp"
#include "transport/peer_identity.hpp"

namespace forgepool {
namespace transport {
namespace {

class ListenerObject final : public Listener {
 public:
  explicit ListenerObject(std::shared_ptr<MemoryListener> end) : end_(std::move(end)) {}
  ~ListenerObject() override { end_->close(); }
  std::uint16_t port() const override { return end_->port(); }
  void disconnect(const std::function<bool(const Peer&)>& whose) override { end_->disconnect(whose); }
  Status set_identity(TransportIdentity identity) override { return end_->set_identity(std::move(identity)); }

 private:
  const std::shared_ptr<MemoryListener> end_;
};

class ConnectionObject final : public Connection {
 public:
  explicit ConnectionObject(std::shared_ptr<MemoryClient> end) : end_(std::move(end)) {}
  ~ConnectionObject() override { end_->close(); }
  void send(Request request, std::function<void(Result<Response>)> done) override {
    end_->send(std::move(request), std::move(done));
  }
  bool usable() const override { return end_->usable(); }

 private:
  const std::shared_ptr<MemoryClient> end_;
};

class MemoryTransport final : public Transport {
 public:
  MemoryTransport(EventLoop& loop, std::shared_ptr<MemoryNetwork> network, std::shared_ptr<LogSink> log)
      : loop_(loop), network_(std::move(network)), log_(std::move(log)) {}

  Result<std::unique_ptr<Listener>> listen(ListenOptions options) override {
    if (!options.handler) return fail(ErrorKind::invalid_input, "listening needs a handler");
    if (options.identity.certificate_chain.empty())
      return fail(ErrorKind::invalid_input, "listening needs an identity: a certificate chain and its key");
    if (auto usable = check_identity(options.identity); !usable) return fail(std::move(usable.error()));
    const auto end = std::make_shared<MemoryListener>(loop_, network_, log_, std::move(options));
    if (auto started = end->start(); !started) return fail(std::move(started.error()));
    return std::make_unique<ListenerObject>(end);
  }

  Result<std::unique_ptr<Connection>> connect(ConnectOptions options) override {
    if (!options.check_peer)
      return fail(ErrorKind::invalid_input, "connecting needs a check_peer: it establishes who the peer is");
    if (auto usable = check_identity(options.identity); !usable) return fail(std::move(usable.error()));
    const auto end = std::make_shared<MemoryClient>(loop_, network_, log_, std::move(options));
    end->start();
    return std::make_unique<ConnectionObject>(end);
  }

 private:
  EventLoop& loop_;
  const std::shared_ptr<MemoryNetwork> network_;
  const std::shared_ptr<LogSink> log_;
};

}  // namespace
}  // namespace transport

std::unique_ptr<Transport> make_memory_transport(EventLoop& loop, std::shared_ptr<MemoryNetwork> network,
                                                 std::shared_ptr<LogSink> log) {
  return std::make_unique<transport::MemoryTransport>(loop, std::move(network), std::move(log));
}

}  // namespace forgepool
