#pragma once
/// One QUIC connection (RFC 9000) without I/O: datagrams and the time go in, datagrams and the time of the next step come out.
/// A shell with sockets and timers drives it (quic_driver.hpp), or a simulated network under a virtual clock.
///
///     receive(datagram)   then   produce() until it gives nothing   then   again at expiry(): expire(), produce() …
///
/// It never fails: what goes wrong ends the connection, and `end` says why.
#include "transport/connection_end.hpp"
#include "transport/path_mtu_guard.hpp"
#include "transport/socket_address.hpp"
#include "transport/stream_layer.hpp"
#include "transport/tls_context.hpp"

#include <array>
#include <memory>
#include <span>

namespace forgepool::transport {

using ResetSecret = std::array<std::uint8_t, 32>;

struct QuicSettings {
  std::size_t max_datagram_bytes = 1452;
  std::size_t window_bytes = 16u << 20;
  std::uint32_t max_streams = 256;  ///< Requests that the peer may have open.
  Duration handshake_timeout = std::chrono::seconds(10);
  Duration idle_timeout = std::chrono::seconds(30);
  /// What the wall clock is ahead of the clock that connections are told: certificates are judged by the former.
  Duration wall_offset{};
  ResetSecret reset_secret{};  ///< Stateless reset tokens are made from it (RFC 9000, section 10.3). Listeners only.
};

/// The two ends of a path, seen from here.
struct Path {
  SocketAddress local;
  SocketAddress remote;
};

/// Told which connection ids belong to a connection, so that datagrams find it.
class ConnectionIdRegistry {
 public:
  virtual ~ConnectionIdRegistry() = default;
  virtual void add(ByteView connection_id) = 0;
  virtual void remove(ByteView connection_id) = 0;
};

inline constexpr std::size_t connection_id_bytes = 16;  ///< Of the ids that we choose.

class QuicConnection {
 public:
  static Result<std::unique_ptr<QuicConnection>> connect(std::shared_ptr<const TlsContext> tls, const QuicSettings& settings,
                                                         const Path& path, Time now);
  /// From the header of a client's first packet (`ngtcp2_accept`). `ids` outlives the connection. `retried` is the id that the
  /// client first chose, if it proved its address after a Retry (stateless_packets.hpp).
  static Result<std::unique_ptr<QuicConnection>> accept(std::shared_ptr<const TlsContext> tls, const QuicSettings& settings,
                                                        const Path& path, const ngtcp2_pkt_hd& initial,
                                                        const std::optional<ngtcp2_cid>& retried, ConnectionIdRegistry& ids,
                                                        Time now);
  ~QuicConnection();

  /// Before the first datagram. `streams` outlives the connection.
  void attach(StreamLayer& streams) { streams_ = &streams; }

  void receive(ByteView datagram, const Path& path, Time now);

  /// Datagrams of `segment_bytes` each (the last may be shorter) to be sent at once over `path`.
  struct Batch {
    std::size_t bytes = 0;  ///< 0: nothing to send now.
    std::size_t segment_bytes = 0;
    Path path;
  };
  /// `buffer` holds at least one datagram of `max_datagram_bytes`.
  Batch produce(std::span<std::uint8_t> buffer, Time now);

  /// When `expire` is due; Time::max() for never.
  Time expiry() const;
  void expire(Time now);

  /// Ends it from this side: the next `produce` tells the peer.
  void close(Time now);
  /// Ends it without a word to the peer: there is nobody.
  void abandon(Error error);

  /// True once the handshake is complete and the peer established.
  bool established() const { return established_; }
  const PeerIdentity& peer() const { return tls_->peer(); }
  /// True if the handshake resumed an earlier session.
  bool resumed() const { return tls_->resumed(); }
  /// The group that keys were agreed on with, as the TLS registry numbers them: 29 is X25519, 0x11ec X25519MLKEM768.
  std::uint16_t key_agreement() const { return SSL_get_curve_id(tls_->native()); }
  /// Where the peer is now: it may move (RFC 9000, section 9), once it has shown that it is there.
  const SocketAddress& remote() const { return remote_; }
  /// The latest time that this connection was told.
  Time now() const { return latest_; }
  const QuicSettings& settings() const { return settings_; }
  /// Nothing while it lives.
  const std::optional<ConnectionEnd>& end() const { return end_; }
  /// True when nothing is left to do: late packets of the peer have had the time to arrive (RFC 9000, section 10.2).
  bool finished() const { return finished_; }

  /// PINGs keep the connection from idling out while this is on.
  void keep_alive(bool on);

  // Stream operations.
  std::optional<StreamId> open_stream();
  std::optional<StreamId> open_control_stream();
  std::uint64_t streams_left() const;
  /// The peer may send `size` more bytes on the stream, on the connection.
  void extend_stream(StreamId stream, std::uint64_t size);
  void extend_connection(std::uint64_t size);
  /// The peer may open one more stream in place of one that is over.
  void replace_stream();
  void stop_reading(StreamId stream, std::uint64_t code);
  void stop_writing(StreamId stream, std::uint64_t code);

 private:
  friend struct QuicCallbacks;
  QuicConnection(std::shared_ptr<const TlsContext> tls, const QuicSettings& settings, const Path& path, Time now);
  void prepare_handshake(Time now);
  void read_failed(int error, Time now);
  void close_with(const ngtcp2_ccerr& error, ConnectionEnd end, Time now);
  void linger(Time now);
  std::ptrdiff_t write_packet(ngtcp2_path* path, ngtcp2_pkt_info* info, std::uint8_t* out, std::size_t size, std::uint64_t at);
  std::uint64_t timestamp(Time now);
  PathMtuGuard::Counters counters() const;
  void note_sent(const Batch& batch, Time now);

  struct Deleter {
    void operator()(ngtcp2_conn* connection) const { ngtcp2_conn_del(connection); }
  };

  // Constant after construction.
  const QuicSettings settings_;
  ngtcp2_crypto_conn_ref tls_reference_;
  ConnectionIdRegistry* ids_ = nullptr;
  StreamLayer* streams_ = nullptr;

  std::unique_ptr<TlsSession> tls_;
  std::unique_ptr<ngtcp2_conn, Deleter> connection_;
  SocketAddress remote_;
  Time latest_;  ///< The latest that anyone told us.
  bool established_ = false;
  bool reset_by_peer_ = false;
  bool stream_layer_failed_ = false;
  PathMtuGuard mtu_guard_;
  bool peer_refused_ = false;  ///< After the handshake, in which the TLS library had nothing against it.

  // The end.
  std::optional<ConnectionEnd> end_;
  bool finished_ = false;
  Time linger_until_ = Time::max();
  Bytes close_packet_;
  Path close_path_;
  bool close_due_ = false;
  std::uint64_t received_since_close_ = 0;
};

}  // namespace forgepool::transport
