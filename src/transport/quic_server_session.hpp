#pragma once
/// A listener's end of one connection: its QUIC and HTTP/3 cores, and the way between them and the request handler.
#include "transport/connection_id.hpp"
#include "transport/http3_server.hpp"
#include "transport/listener_usage.hpp"
#include "transport/quic_driver.hpp"
#include "transport/quic_shared.hpp"

namespace forgepool::transport {

class QuicServerSession;

/// What a session needs of its listener, which outlives it.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  virtual void route(const ConnectionId& id, QuicServerSession& session) = 0;
  virtual void unroute(const ConnectionId& id) = 0;
  /// Something was done to the session: `step` it soon.
  virtual void schedule(QuicServerSession& session) = 0;
  /// The session's timer did something: step what is scheduled, now.
  virtual void run_scheduled() = 0;
  virtual bool closed() const = 0;
  virtual ListenerUsage& usage() = 0;
  virtual const RequestHandler& handler() const = 0;
};

class QuicServerSession final : public ConnectionIdRegistry, public std::enable_shared_from_this<QuicServerSession> {
 public:
  QuicServerSession(SessionHost& host, std::shared_ptr<const QuicShared> shared, UdpSocket& socket)
      : host_(host), shared_(std::move(shared)), socket_(socket) {}

  /// From a client's first packet, which is then to be given to `receive`, and for which the listener's usage has a place.
  Status start(std::shared_ptr<const TlsContext> tls, const TransportLimits& limits, const ngtcp2_pkt_hd& initial,
               const std::optional<ngtcp2_cid>& retried, const Path& path);
  /// Gives its place in the listener's usage back. Call once, when it is forgotten.
  void leave();

  void receive(ByteView datagram, const Path& path, Time now);
  /// Hands complete requests to the handler, then sends what there is to send.
  void step();
  /// Tells the peer that it is over, at once.
  void close();

  bool finished() const { return quic_->finished(); }
  const Peer& peer() const { return peer_; }
  /// Every connection id that leads here.
  const std::vector<ConnectionId>& ids() const { return ids_; }

  // Set and cleared by the listener.
  bool scheduled = false;

 private:
  void add(ByteView connection_id) override;
  void remove(ByteView connection_id) override;
  void respond(StreamId stream, Response response);
  void note_progress();
  void note_peer();
  void leave_peer();
  void hand_over();
  bool may_hand_over(Time now);
  void note_used();
  void count_used(std::size_t bytes);

  SessionHost& host_;
  const std::shared_ptr<const QuicShared> shared_;
  UdpSocket& socket_;
  std::unique_ptr<QuicConnection> quic_;
  std::unique_ptr<Http3Server> http_;
  std::unique_ptr<QuicDriver> driver_;
  Peer peer_;
  std::vector<ConnectionId> ids_;
  SocketAddress from_;  ///< Where the handshake came from: that is where it is counted.
  std::size_t max_held_bytes_ = 0;
  bool handshake_over_ = false;
  std::string usage_key_;
  std::shared_ptr<PeerUsage> usage_;  ///< Once the peer is established.
  std::size_t used_counted_ = 0;      ///< What of `usage_->used_bytes` is ours.
  std::unique_ptr<Subscription> rate_timer_;
  bool end_noted_ = false;
};

}  // namespace forgepool::transport
