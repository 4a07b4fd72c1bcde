#include "testing/watched_parts.hpp"

namespace forgepool::testing {
namespace {

class WatchedTransport final : public Transport {
 public:
  WatchedTransport(std::unique_ptr<Transport> inner, PoolWatcher& watcher) : inner_(std::move(inner)), watcher_(watcher) {}

  Result<std::unique_ptr<Listener>> listen(ListenOptions options) override {
    options.handler = [watcher = &watcher_, handler = std::move(options.handler)](const Peer& peer, Request request,
                                                                                  Responder respond) {
      watcher->requested(peer, request);
      // The request without its body, which may be large and was seen.
      Request head{request.method, request.path, request.authorization, {}};
      handler(peer, std::move(request),
              [watcher, peer, head = std::move(head), respond = std::move(respond)](Response response) {
                watcher->responded(peer, head, response);
                respond(std::move(response));
              });
    };
    return inner_->listen(std::move(options));
  }
  Result<std::unique_ptr<Connection>> connect(ConnectOptions options) override { return inner_->connect(std::move(options)); }

 private:
  const std::unique_ptr<Transport> inner_;
  PoolWatcher& watcher_;
};

}  // namespace

std::unique_ptr<Transport> watch(std::unique_ptr<Transport> transport, PoolWatcher& watcher) {
  return std::make_unique<WatchedTransport>(std::move(transport), watcher);
}

}  // namespace forgepool::testing
