#include "transport/quic_server_session.hpp"
#include "transport/stateless_packets.hpp"

#include <unordered_map>

namespace forgepool::transport {
namespace {

/// A UDP socket, the connections on it, and which datagram belongs to which. Kept alive by its listener and, while it works, by
/// itself: a handler may destroy the listener.
class QuicListenerCore final : public SessionHost, public std::enable_shared_from_this<QuicListenerCore> {
 public:
  QuicListenerCore(std::shared_ptr<const QuicShared> shared, std::shared_ptr<const TlsContext> tls,
                   std::unique_ptr<UdpSocket> socket, RequestHandler handler, const TransportLimits& limits)
      : shared_(std::move(shared)),
        tls_(std::move(tls)),
        limits_(limits),
        handler_(std::move(handler)),
        socket_(std::move(socket)),
        usage_(limits) {}

  void start() {
    socket_->watch(
        [weak = weak_from_this()] {
          if (const auto self = weak.lock()) self->read();
        },
        [weak = weak_from_this()] {
          if (const auto self = weak.lock()) self->resume();
        });
  }

  std::uint16_t port() const { return socket_->local().port(); }

  void close() {
    for (const auto& [key, session] : sessions_) session->close();
    closed_ = true;
    socket_.reset();
    routes_.clear();
    scheduled_.clear();
    sessions_.clear();
  }

  void disconnect(const std::function<bool(const Peer&)>& whose) {
    for (const auto& [key, session] : sessions_)
      if (!session->peer().certificate.empty() && whose(session->peer())) session->close();
  }

  Status set_identity(TransportIdentity identity) {
    auto tls = TlsContext::make(Role::server, std::move(identity), tls_->check());
    if (!tls) return fail(std::move(tls.error()));
    tls_ = std::move(*tls);
    return {};
  }

  void route(const ConnectionId& id, QuicServerSession& session) override { routes_.insert_or_assign(id, &session); }
  void unroute(const ConnectionId& id) override { routes_.erase(id); }
  bool closed() const override { return closed_; }
  ListenerUsage& usage() override { return usage_; }
  const RequestHandler& handler() const override { return handler_; }

  void schedule(QuicServerSession& session) override {
    if (closed_ || session.scheduled) return;
    session.scheduled = true;
    scheduled_.push_back(session.shared_from_this());
    if (running_ || posted_) return;
    posted_ = true;
    shared_->loop.post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        self->posted_ = false;
        self->run_scheduled();
      }
    });
  }

  void run_scheduled() override {
    if (running_) return;
    const auto self = shared_from_this();
    running_ = true;
    while (!scheduled_.empty() && !closed_) {
      for (const auto& session : std::exchange(scheduled_, {})) {
        session->step();
        if (closed_) return;
        session->scheduled = false;
        if (session->finished()) forget(*session);
      }
    }
    running_ = false;
  }

 private:
  // A few batches per turn, so that other work of the loop gets its turn too.
  void read() {
    constexpr int batches_per_turn = 4;
    const auto self = shared_from_this();
    Time now;  // One for a whole batch: datagrams of a connection come by the dozen.
    const UdpSocket::Receiver receiver = [&](ByteView datagram, const SocketAddress& from, const SocketAddress& to) {
      receive(datagram, {to, from}, now);
    };
    for (int i = 0; i < batches_per_turn; ++i) {
      now = shared_->loop.steady();
      running_ = true;  // What arrives is handled below, in one go.
      const auto received = socket_->receive(receiver);
      running_ = false;
      run_scheduled();
      if (closed_ || received != UdpSocket::Received::more) return;
    }
    shared_->loop.post([weak = weak_from_this()] {
      const auto again = weak.lock();
      if (again && !again->closed_) again->read();
    });
  }

  void resume() {
    for (const auto& [key, session] : sessions_) schedule(*session);
  }

  void receive(ByteView datagram, const Path& path, Time now) {
    ngtcp2_version_cid header;
    const int decoded = ngtcp2_pkt_decode_version_cid(&header, datagram.data(), datagram.size(), connection_id_bytes);
    if (decoded == NGTCP2_ERR_VERSION_NEGOTIATION) {
      answer(path, write_version_negotiation(answer_, header, datagram.size()));
      return;
    }
    if (decoded != 0) return;
    const auto found = routes_.find(ConnectionId({header.dcid, header.dcidlen}));
    if (found != routes_.end()) {
      found->second->receive(datagram, path, now);
    } else if (header.version == 0) {
      if (may_answer())
        answer(path, write_stateless_reset(answer_, shared_->reset_secret, {header.dcid, header.dcidlen}, datagram.size()));
    } else {
      accept(datagram, path, now);
    }
  }

  void accept(ByteView datagram, const Path& path, Time now) {
    ngtcp2_pkt_hd initial;
    if (ngtcp2_accept(&initial, datagram.data(), datagram.size()) != 0) return;
    const auto token = check_retry_token(shared_->reset_secret, initial, path.remote, now);
    // A token of another kind than ours is no reason to refuse: its sender may have it from another listener at this address.
    if (token.verdict == RetryToken::Verdict::invalid && initial.token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY2)
      return refuse(path, "retry_token: the token is another address's, too old, or not ours",
                    write_invalid_token(answer_, initial));
    const bool proved = token.verdict == RetryToken::Verdict::valid;
    if (!proved && usage_.crowded()) {
      if (may_retry()) answer(path, write_retry(answer_, shared_->reset_secret, initial, path.remote, now));
      return;
    }
    if (const auto full = usage_.begin(path.remote)) return refuse(path, *full, write_connection_refused(answer_, initial));
    const auto session = std::make_shared<QuicServerSession>(*this, shared_, *socket_);
    sessions_.emplace(session.get(), session);
    if (!session->start(tls_, limits_, initial, proved ? std::optional(token.original_id) : std::nullopt, path))
      return forget(*session);
    session->receive(datagram, path, now);
  }

  void refuse(const Path& path, const std::string& reason, std::size_t answer_size) {
    if (!may_answer()) return;
    log_refusal(shared_->options.log.get(), path.remote.str(), reason);
    answer(path, answer_size);
  }

  void forget(QuicServerSession& session) {
    for (const ConnectionId& id : session.ids()) routes_.erase(id);
    session.leave();
    sessions_.erase(&session);
  }

  void answer(const Path& path, std::size_t size) {
    if (size != 0) socket_->send(ByteView(answer_).first(size), size, path.remote, path.local);
  }

  // Stateless answers go to addresses that may be forged: a bounded number per second. Retries are worth more, for they let
  // honest newcomers in.
  bool may_answer() { return answers_.take(shared_->loop.steady()); }
  bool may_retry() { return retries_.take(shared_->loop.steady()); }

  const std::shared_ptr<const QuicShared> shared_;
  std::shared_ptr<const TlsContext> tls_;  ///< Of new connections; those that are there hold their own.
  const TransportLimits limits_;
  const RequestHandler handler_;
  std::unique_ptr<UdpSocket> socket_;
  bool closed_ = false;
  std::unordered_map<ConnectionId, QuicServerSession*, ConnectionIdHash> routes_;
  std::unordered_map<QuicServerSession*, std::shared_ptr<QuicServerSession>> sessions_;
  std::vector<std::shared_ptr<QuicServerSession>> scheduled_;
  bool running_ = false;  ///< `run_scheduled` is at work, or about to be.
  bool posted_ = false;
  DatagramBuffer answer_;
  RequestRate answers_{200}, retries_{20'000};
  ListenerUsage usage_;
};

class QuicListener final : public Listener {
 public:
  explicit QuicListener(std::shared_ptr<QuicListenerCore> core) : core_(std::move(core)) {}
  ~QuicListener() override { core_->close(); }
  std::uint16_t port() const override { return core_->port(); }
  void disconnect(const std::function<bool(const Peer&)>& whose) override { core_->disconnect(whose); }
  Status set_identity(TransportIdentity identity) override { return core_->set_identity(std::move(identity)); }

 private:
  const std::shared_ptr<QuicListenerCore> core_;
};

}  // namespace

Result<std::unique_ptr<Listener>> make_quic_listener(std::shared_ptr<const QuicShared> shared, ListenOptions options) {
  if (!options.handler) return fail(ErrorKind::invalid_input, "listening needs a handler");
  const auto address = SocketAddress::parse(options.address, options.port);
  if (!address) return fail(address.error());
  auto tls = TlsContext::make(Role::server, std::move(options.identity), std::move(options.check_peer),
                              {shared->options.session_life, nullptr, {}});
  if (!tls) return fail(std::move(tls.error()));
  auto socket = UdpSocket::bind(shared->loop, shared->buffers, *address, shared->options.offload);
  if (!socket) return fail(std::move(socket.error()));
  const auto core = std::make_shared<QuicListenerCore>(std::move(shared), std::move(*tls), std::move(*socket),
                                                       std::move(options.handler), options.limits);
  core->start();
  return std::make_unique<QuicListener>(core);
}

}  // namespace forgepool::transport
