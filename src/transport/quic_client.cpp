#include "transport/http3_client.hpp"
#include "transport/message_rules.hpp"
#include "transport/quic_driver.hpp"
#include "transport/quic_shared.hpp"

#include <unordered_map>

namespace forgepool::transport {
namespace {

using Done = std::function<void(Result<Response>)>;

/// An outgoing connection on a UDP socket of its own. Kept alive by its handle and, while it works, by itself: a callback may
/// destroy the handle.
class QuicClientCore final : public std::enable_shared_from_this<QuicClientCore> {
 public:
  QuicClientCore(std::shared_ptr<const QuicShared> shared, const TransportLimits& limits, std::unique_ptr<UdpSocket> socket,
                 std::unique_ptr<QuicConnection> quic)
      : shared_(std::move(shared)), limits_(limits), socket_(std::move(socket)), quic_(std::move(quic)) {}

  void start() {
    http_ =
        std::make_unique<Http3Client>(*quic_, shared_->http_limits(limits_, limits_.max_response_bytes), quic_->remote().str());
    quic_->attach(*http_);
    driver_ = std::make_unique<QuicDriver>(shared_->loop, *socket_, *shared_->buffers, *quic_, [this] { step(); });
    socket_->watch(
        [weak = weak_from_this()] {
          if (const auto self = weak.lock()) self->read();
        },
        [weak = weak_from_this()] {
          if (const auto self = weak.lock()) self->step();
        });
    schedule();
  }

  bool usable() const { return !quic_->end(); }

  void send(Request request, Done done) {
    if (auto fine = check_request(request, limits_); !fine)
      results_.push_back({std::move(done), fail(std::move(fine.error()))});
    else
      waiting_.push_back({std::move(request), std::move(done)});
    schedule();
  }

  void close() {
    closed_ = true;
    if (socket_) {
      quic_->close(shared_->loop.steady());
      driver_->flush();
    }
    shut();
    waiting_.clear();
    in_flight_.clear();
    results_.clear();
  }

 private:
  struct Waiting {
    Request request;
    Done done;
  };
  struct Finished {
    Done done;
    Result<Response> result;
  };

  void schedule() {
    if (stepping_ || posted_) return;
    posted_ = true;
    shared_->loop.post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        self->posted_ = false;
        self->step();
      }
    });
  }

  void read() {
    constexpr int batches_per_turn = 4;
    const auto self = shared_from_this();
    Time now;  // One for a whole batch.
    const UdpSocket::Receiver receiver = [&](ByteView datagram, const SocketAddress& from, const SocketAddress& to) {
      quic_->receive(datagram, {to, from}, now);
    };
    for (int i = 0; i < batches_per_turn && socket_; ++i) {
      now = shared_->loop.steady();
      const auto received = socket_->receive(receiver);
      // Once the handshake is done such a message could only have come from someone on the way: it ends nothing.
      if (received == UdpSocket::Received::unreachable && !quic_->established())
        quic_->abandon({ErrorKind::unavailable, "nobody listens at " + quic_->remote().str() + ": is the peer running?"});
      step();
      if (received == UdpSocket::Received::all) return;
    }
    shared_->loop.post([weak = weak_from_this()] {
      const auto again = weak.lock();
      if (again && again->socket_) again->read();
    });
  }

  /// Everything that follows from what was received, submitted or timed out. Callbacks are called here only.
  void step() {
    if (closed_ || stepping_) return;
    const auto self = shared_from_this();
    stepping_ = true;
    do {
      advance();
      for (auto& [done, result] : std::exchange(results_, {})) {
        done(std::move(result));
        if (closed_) return;
      }
    } while (!results_.empty() || may_submit());
    stepping_ = false;
  }

  bool may_submit() const {
    return !waiting_.empty() && (quic_->end() || (http_->ready() && in_flight_.size() < limits_.max_concurrent_requests));
  }

  void advance() {
    while (may_submit() && !quic_->end()) {
      const auto stream = http_->submit(std::move(waiting_.front().request));
      if (stream)
        in_flight_.emplace(*stream, std::move(waiting_.front().done));
      else
        results_.push_back({std::move(waiting_.front().done), fail(ErrorKind::internal, "cannot open a stream")});
      waiting_.pop_front();
    }
    if (socket_) {
      // Requests may be answered long after they were made; without them an idle connection may end.
      if (const bool needed = !in_flight_.empty(); needed != kept_alive_ && !quic_->end())
        quic_->keep_alive(kept_alive_ = needed);
      driver_->flush();
    }
    for (auto& [stream, response] : http_->take_answered()) {
      const auto request = in_flight_.find(stream);
      if (request == in_flight_.end()) continue;
      results_.push_back({std::move(request->second), std::move(response)});
      in_flight_.erase(request);
    }
    if (quic_->end()) fail_all();
  }

  void fail_all() {
    if (socket_) {
      LogSink* const log = shared_->options.log.get();
      const auto& end = *quic_->end();
      if (end.refusal)
        log_refusal(log, quic_->remote().str(), *end.refusal);
      else if (log)
        log->write(LogLevel::debug, "connection_ended", {{"peer", quic_->remote().str()}, {"reason", end.error.message}});
      shut();
    }
    const Error& error = quic_->end()->error;
    for (auto& [stream, done] : std::exchange(in_flight_, {})) results_.push_back({std::move(done), fail(error)});
    for (auto& [request, done] : std::exchange(waiting_, {})) results_.push_back({std::move(done), fail(error)});
  }

  // The peer was told, if it could be; nothing that it might still say matters.
  void shut() {
    driver_.reset();
    socket_.reset();
  }

  const std::shared_ptr<const QuicShared> shared_;
  const TransportLimits limits_;
  std::unique_ptr<UdpSocket> socket_;  ///< Gone once the connection has ended.
  std::unique_ptr<QuicConnection> quic_;
  std::unique_ptr<Http3Client> http_;
  std::unique_ptr<QuicDriver> driver_;
  std::deque<Waiting> waiting_;
  std::unordered_map<StreamId, Done> in_flight_;
  std::deque<Finished> results_;
  bool closed_ = false;
  bool stepping_ = false;
  bool posted_ = false;
  bool kept_alive_ = false;
};

class QuicClientConnection final : public Connection {
 public:
  explicit QuicClientConnection(std::shared_ptr<QuicClientCore> core) : core_(std::move(core)) {}
  ~QuicClientConnection() override { core_->close(); }
  void send(Request request, Done done) override { core_->send(std::move(request), std::move(done)); }
  bool usable() const override { return core_->usable(); }

 private:
  const std::shared_ptr<QuicClientCore> core_;
};

}  // namespace

Result<std::unique_ptr<Connection>> make_quic_connection(std::shared_ptr<const QuicShared> shared, ConnectOptions options) {
  const auto address = SocketAddress::parse(options.address, options.port);
  if (!address) return fail(address.error());
  Resumption resumption{shared->options.session_life, shared->sessions, address->str()};
  auto tls = TlsContext::make(Role::client, std::move(options.identity), std::move(options.check_peer), std::move(resumption));
  if (!tls) return fail(std::move(tls.error()));
  auto socket = UdpSocket::connect(shared->loop, shared->buffers, *address, shared->options.offload);
  if (!socket) return fail(std::move(socket.error()));
  auto quic = QuicConnection::connect(std::move(*tls), shared->settings(options.limits), {(*socket)->local(), *address},
                                      shared->loop.steady());
  if (!quic) return fail(std::move(quic.error()));
  const auto core = std::make_shared<QuicClientCore>(std::move(shared), options.limits, std::move(*socket), std::move(*quic));
  core->start();
  return std::make_unique<QuicClientConnection>(core);
}

}  // namespace forgepool::transport
