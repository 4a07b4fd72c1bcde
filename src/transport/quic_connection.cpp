#include "transport/quic_connection.hpp"

#include "transport/quic_callbacks.hpp"

#include <algorithm>
#include <bit>

namespace forgepool::transport {
namespace {

// Streams start with a smaller window than the connection and grow on demand: 256 idle requests must not each be able to fill
// a whole connection's window.
constexpr std::size_t initial_stream_window_bytes = 1u << 20;
constexpr std::size_t control_stream_window_bytes = 64u << 10;
constexpr std::uint64_t max_control_streams =
    8;  // HTTP/3 has three; some peers open more to see what happens (RFC 9114, 6.2.3).

ngtcp2_duration to_duration(Duration duration) {
  return static_cast<ngtcp2_duration>(std::max<Duration::rep>(duration.count(), 1));
}

// ngtcp2 borrows addresses without changing them, through pointers that are not const.
ngtcp2_addr to_address(const SocketAddress& address) {
  return {const_cast<sockaddr*>(address.data()), address.size()};
}
ngtcp2_path to_path(const Path& path) {
  return {to_address(path.local), to_address(path.remote), nullptr};
}
Path from_path(const ngtcp2_path& path) {
  return {SocketAddress::from(path.local.addr, path.local.addrlen), SocketAddress::from(path.remote.addr, path.remote.addrlen)};
}

ngtcp2_settings to_settings(const QuicSettings& from, Time now) {
  // Probed upwards from the 1,200 bytes that every path must carry, so that a narrow path (a VPN) works too.
  static constexpr std::uint16_t probes[] = {1452, 4096, 8952, 16384, 32768, 65507};
  static thread_local std::array<std::uint16_t, std::size(probes) + 1> usable;  // Copied by ngtcp2 when the connection is made.
  std::size_t count = 0;
  for (const std::uint16_t size : probes)
    if (size < from.max_datagram_bytes) usable[count++] = size;
  if (from.max_datagram_bytes > NGTCP2_MAX_UDP_PAYLOAD_SIZE)
    usable[count++] = static_cast<std::uint16_t>(from.max_datagram_bytes);

  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.initial_ts = static_cast<ngtcp2_tstamp>(now.time_since_epoch().count());
  settings.handshake_timeout = to_duration(from.handshake_timeout);
  settings.max_tx_udp_payload_size = from.max_datagram_bytes;
  settings.pmtud_probes = usable.data();
  settings.pmtud_probeslen = count;
  settings.no_pmtud = count == 0;
  settings.max_stream_window = from.window_bytes;
  return settings;
}

ngtcp2_transport_params to_parameters(const QuicSettings& from) {
  ngtcp2_transport_params parameters;
  ngtcp2_transport_params_default(&parameters);
  const std::size_t stream_window = std::min(initial_stream_window_bytes, from.window_bytes);
  parameters.initial_max_data = from.window_bytes;
  parameters.initial_max_stream_data_bidi_local = stream_window;
  parameters.initial_max_stream_data_bidi_remote = stream_window;
  parameters.initial_max_stream_data_uni = control_stream_window_bytes;
  parameters.initial_max_streams_bidi = from.max_streams;
  parameters.initial_max_streams_uni = max_control_streams;
  parameters.max_idle_timeout = to_duration(from.idle_timeout);
  parameters.max_udp_payload_size = 65527;
  return parameters;
}

ngtcp2_cid random_id(std::size_t size) {
  ngtcp2_cid id;
  id.datalen = size;
  RAND_bytes(id.data, size);
  return id;
}

}  // namespace

QuicConnection::QuicConnection(std::shared_ptr<const TlsContext> tls, const QuicSettings& settings, const Path& path, Time now)
    : settings_(settings), tls_reference_{}, remote_(path.remote), latest_(now) {
  tls_reference_.user_data = this;
  tls_reference_.get_conn = [](ngtcp2_crypto_conn_ref* reference) {
    return static_cast<QuicConnection*>(reference->user_data)->connection_.get();
  };
  tls_ = std::make_unique<TlsSession>(std::move(tls), &tls_reference_, now + settings_.wall_offset);
}

QuicConnection::~QuicConnection() = default;

// ngtcp2 ends the process if time goes back; a caller that handles a batch of datagrams may be a little behind a timer.
std::uint64_t QuicConnection::timestamp(Time now) {
  latest_ = std::max(latest_, now);
  return static_cast<ngtcp2_tstamp>(latest_.time_since_epoch().count());
}

Result<std::unique_ptr<QuicConnection>> QuicConnection::connect(std::shared_ptr<const TlsContext> tls,
                                                                const QuicSettings& settings, const Path& path, Time now) {
  std::unique_ptr<QuicConnection> self(new QuicConnection(std::move(tls), settings, path, now));
  const ngtcp2_settings library_settings = to_settings(settings, now);
  ngtcp2_transport_params parameters = to_parameters(settings);
  parameters.initial_max_streams_bidi = 0;  // Only clients make requests.
  const ngtcp2_cid their_id = random_id(NGTCP2_MAX_CIDLEN), our_id = random_id(connection_id_bytes);
  const ngtcp2_path library_path = to_path(path);
  ngtcp2_conn* connection = nullptr;
  if (const int error = ngtcp2_conn_client_new(&connection, &their_id, &our_id, &library_path, NGTCP2_PROTO_VER_V1,
                                               &quic_callbacks(), &library_settings, &parameters, nullptr, self.get()))
    return fail(ErrorKind::internal, std::string("cannot make a QUIC connection: ") + ngtcp2_strerror(error));
  self->connection_.reset(connection);
  ngtcp2_conn_set_tls_native_handle(connection, self->tls_->native());
  return self;
}

Result<std::unique_ptr<QuicConnection>> QuicConnection::accept(std::shared_ptr<const TlsContext> tls,
                                                               const QuicSettings& settings, const Path& path,
                                                               const ngtcp2_pkt_hd& initial,
                                                               const std::optional<ngtcp2_cid>& retried,
                                                               ConnectionIdRegistry& ids, Time now) {
  std::unique_ptr<QuicConnection> self(new QuicConnection(std::move(tls), settings, path, now));
  self->ids_ = &ids;
  ngtcp2_settings library_settings = to_settings(settings, now);
  ngtcp2_transport_params parameters = to_parameters(settings);
  const ngtcp2_cid our_id = random_id(connection_id_bytes);
  parameters.original_dcid = retried.value_or(initial.dcid);
  parameters.original_dcid_present = 1;
  if (retried) {
    // With the token the library knows that the address is the client's, and need not send sparingly.
    library_settings.token = initial.token;
    library_settings.tokenlen = initial.tokenlen;
    library_settings.token_type = NGTCP2_TOKEN_TYPE_RETRY;
    parameters.retry_scid = initial.dcid;
    parameters.retry_scid_present = 1;
  }
  parameters.stateless_reset_token_present = 1;
  const ngtcp2_path library_path = to_path(path);
  ngtcp2_conn* connection = nullptr;
  int error = ngtcp2_crypto_generate_stateless_reset_token(parameters.stateless_reset_token, settings.reset_secret.data(),
                                                           settings.reset_secret.size(), &our_id);
  if (error == 0)
    error = ngtcp2_conn_server_new(&connection, &initial.scid, &our_id, &library_path, initial.version, &quic_callbacks(),
                                   &library_settings, &parameters, nullptr, self.get());
  if (error != 0) return fail(ErrorKind::internal, std::string("cannot make a QUIC connection: ") + ngtcp2_strerror(error));
  self->connection_.reset(connection);
  ngtcp2_conn_set_tls_native_handle(connection, self->tls_->native());
  // Until the client has seen our id it addresses us by the one it made up.
  ids.add({initial.dcid.data, initial.dcid.datalen});
  ids.add({our_id.data, our_id.datalen});
  return self;
}

// Certificates are judged as of now, and what the TLS library says afterwards is about this connection.
void QuicConnection::prepare_handshake(Time now) {
  if (established_) return;
  ERR_clear_error();
  tls_->set_time(now + settings_.wall_offset);
}

void QuicConnection::receive(ByteView datagram, const Path& path, Time now) {
  if (finished_) return;
  if (end_) {
    // The peer has not heard yet: tell it again, ever more rarely.
    if (!close_packet_.empty() && std::has_single_bit(++received_since_close_)) close_due_ = true;
    return;
  }
  prepare_handshake(now);
  const ngtcp2_path library_path = to_path(path);
  const ngtcp2_pkt_info info{};
  const int error =
      ngtcp2_conn_read_pkt(connection_.get(), &library_path, &info, datagram.data(), datagram.size(), timestamp(now));
  if (error != 0) read_failed(error, now);
}

void QuicConnection::read_failed(int error, Time now) {
  const std::string peer = remote_.str();
  ngtcp2_ccerr close;
  ngtcp2_ccerr_default(&close);
  switch (error) {
    case NGTCP2_ERR_DRAINING:
      end_ = reset_by_peer_ ? ended_by_reset(peer) : ended_by_peer(*ngtcp2_conn_get_ccerr2(connection_.get()), peer);
      linger(now);
      return;
    case NGTCP2_ERR_DROP_CONN:
    case NGTCP2_ERR_RETRY:  // Only asked for on a first packet that holds no start of a handshake.
    case NGTCP2_ERR_IDLE_CLOSE:
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION:
      end_ = ended_by_error(error, established_, peer);
      finished_ = true;
      return;
    case NGTCP2_ERR_CRYPTO:
      ngtcp2_ccerr_set_tls_alert(&close, ngtcp2_conn_get_tls_alert2(connection_.get()), nullptr, 0);
      close_with(close, ended_by_refusal(tls_->refusal(), peer), now);
      return;
    default:
      if (peer_refused_) {
        ngtcp2_ccerr_set_tls_alert(&close, SSL_AD_ACCESS_DENIED, nullptr, 0);
        close_with(close, ended_by_refusal(tls_->refusal(), peer), now);
        return;
      }
      if (stream_layer_failed_)
        ngtcp2_ccerr_set_application_error(&close, streams_->error_code(), nullptr, 0);
      else
        ngtcp2_ccerr_set_liberr(&close, error, nullptr, 0);
      close_with(close, ended_by_error(error, established_, peer), now);
  }
}

void QuicConnection::close(Time now) {
  if (end_) return;
  ngtcp2_ccerr close;
  ngtcp2_ccerr_default(&close);
  ngtcp2_ccerr_set_application_error(&close, 0x100, nullptr, 0);  // H3_NO_ERROR
  close_with(close, ended_here(remote_.str()), now);
}

void QuicConnection::abandon(Error error) {
  if (end_) return;
  end_ = ConnectionEnd{std::move(error), {}};
  finished_ = true;
}

void QuicConnection::close_with(const ngtcp2_ccerr& error, ConnectionEnd end, Time now) {
  end_ = std::move(end);
  ngtcp2_path_storage path;
  ngtcp2_path_storage_zero(&path);
  ngtcp2_pkt_info info;
  close_packet_.resize(std::max<std::size_t>(settings_.max_datagram_bytes, NGTCP2_MAX_UDP_PAYLOAD_SIZE));
  const auto size = ngtcp2_conn_write_connection_close(connection_.get(), &path.path, &info, close_packet_.data(),
                                                       close_packet_.size(), &error, timestamp(now));
  close_packet_.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  close_path_ = from_path(path.path);
  close_due_ = !close_packet_.empty();
  if (close_due_)
    linger(now);
  else
    finished_ = true;
}

void QuicConnection::linger(Time now) {
  linger_until_ = now + Duration(static_cast<Duration::rep>(3 * ngtcp2_conn_get_pto2(connection_.get())));
}

PathMtuGuard::Counters QuicConnection::counters() const {
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info2(connection_.get(), &info);
  return {info.pkt_recv, info.pkt_lost};
}

QuicConnection::Batch QuicConnection::produce(std::span<std::uint8_t> buffer, Time now) {
  Batch batch;
  if (!end_) {
    prepare_handshake(now);
    if (established_)
      mtu_guard_.look(counters(), Duration(static_cast<Duration::rep>(ngtcp2_conn_get_pto2(connection_.get()))), now);
    ngtcp2_path_storage path;
    ngtcp2_path_storage_zero(&path);
    ngtcp2_pkt_info info;
    const auto write = [](ngtcp2_conn*, ngtcp2_path* to, ngtcp2_pkt_info* i, std::uint8_t* out, std::size_t size,
                          ngtcp2_tstamp at, void* user) -> ngtcp2_ssize {
      return static_cast<QuicConnection*>(user)->write_packet(to, i, out, size, at);
    };
    const auto written = write_batch(connection_.get(), &path.path, &info, buffer.data(), buffer.size(), &batch.segment_bytes,
                                     write, timestamp(now), this);
    if (written >= 0) {
      batch.bytes = static_cast<std::size_t>(written);
      if (batch.bytes != 0) {
        batch.path = from_path(path.path);
        note_sent(batch, now);
      }
      return batch;
    }
    read_failed(static_cast<int>(written), now);
  }
  if (close_due_ && close_packet_.size() <= buffer.size()) {
    close_due_ = false;
    std::ranges::copy(close_packet_, buffer.begin());
    batch.bytes = batch.segment_bytes = close_packet_.size();
    batch.path = close_path_;
  }
  return batch;
}

void QuicConnection::note_sent(const Batch& batch, Time now) {
  // A larger one is the library's probe, and may well be lost.
  if (!established_ || batch.segment_bytes > ngtcp2_conn_get_path_max_tx_udp_payload_size2(connection_.get())) return;
  for (std::size_t left = batch.bytes; left != 0; left -= std::min(left, batch.segment_bytes))
    mtu_guard_.sent(std::min(left, batch.segment_bytes), counters(), now);
}

std::ptrdiff_t QuicConnection::write_packet(ngtcp2_path* path, ngtcp2_pkt_info* info, std::uint8_t* out, std::size_t size,
                                            std::uint64_t at) {
  size = std::min(size, mtu_guard_.limit());
  for (;;) {
    StreamChunk chunk;
    if (streams_ && ngtcp2_conn_get_max_data_left2(connection_.get()) > 0 && !streams_->next(chunk)) {
      stream_layer_failed_ = true;
      return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    // MORE: small requests share a packet, until there is nothing left to send or the packet is full. PADDING: a packet that is
    // nearly full while there is more to send is filled up, because only datagrams of equal size go out in one call.
    const std::uint32_t flags = NGTCP2_WRITE_STREAM_FLAG_MORE | (chunk.fin ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0u) |
                                (chunk.stream >= 0 ? NGTCP2_WRITE_STREAM_FLAG_PADDING : 0u);
    ngtcp2_ssize taken = -1;
    const ngtcp2_ssize written = ngtcp2_conn_writev_stream(connection_.get(), path, info, out, size, &taken, flags,
                                                           chunk.stream, chunk.pieces.data(), chunk.count, at);
    if (chunk.stream >= 0 && taken >= 0 && !streams_->written(chunk.stream, static_cast<std::size_t>(taken))) {
      stream_layer_failed_ = true;
      return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    switch (written) {
      case NGTCP2_ERR_WRITE_MORE: continue;
      case NGTCP2_ERR_STREAM_DATA_BLOCKED: streams_->blocked(chunk.stream); continue;
      case NGTCP2_ERR_STREAM_SHUT_WR:
      case NGTCP2_ERR_STREAM_NOT_FOUND: streams_->refused(chunk.stream); continue;
      default: return written;
    }
  }
}

Time QuicConnection::expiry() const {
  if (finished_) return Time::max();
  if (end_) return linger_until_;
  const ngtcp2_tstamp expiry = ngtcp2_conn_get_expiry2(connection_.get());
  const Time own = expiry == UINT64_MAX ? Time::max() : Time(Duration(static_cast<Duration::rep>(expiry)));
  return streams_ ? std::min(own, streams_->expiry()) : own;
}

void QuicConnection::expire(Time now) {
  if (end_) {
    if (now >= linger_until_) finished_ = true;
    return;
  }
  const auto at = timestamp(now);
  if (streams_ && streams_->expiry() <= now && !streams_->expire(now)) {
    stream_layer_failed_ = true;
    read_failed(NGTCP2_ERR_CALLBACK_FAILURE, now);
    return;
  }
  if (const int error = ngtcp2_conn_handle_expiry(connection_.get(), at)) read_failed(error, now);
}

void QuicConnection::keep_alive(bool on) {
  const auto* const theirs = ngtcp2_conn_get_remote_transport_params2(connection_.get());
  ngtcp2_duration idle = to_duration(settings_.idle_timeout);
  if (theirs && theirs->max_idle_timeout != 0) idle = std::min(idle, theirs->max_idle_timeout);
  ngtcp2_conn_set_keep_alive_timeout(connection_.get(), on ? idle / 3 : UINT64_MAX);
}

std::optional<StreamId> QuicConnection::open_stream() {
  StreamId stream;
  if (ngtcp2_conn_open_bidi_stream(connection_.get(), &stream, nullptr) != 0) return std::nullopt;
  return stream;
}

std::optional<StreamId> QuicConnection::open_control_stream() {
  StreamId stream;
  if (ngtcp2_conn_open_uni_stream(connection_.get(), &stream, nullptr) != 0) return std::nullopt;
  return stream;
}

std::uint64_t QuicConnection::streams_left() const {
  return ngtcp2_conn_get_streams_bidi_left2(connection_.get());
}
void QuicConnection::extend_stream(StreamId stream, std::uint64_t size) {
  ngtcp2_conn_extend_max_stream_offset(connection_.get(), stream, size);
}
void QuicConnection::extend_connection(std::uint64_t size) {
  ngtcp2_conn_extend_max_offset(connection_.get(), size);
}
void QuicConnection::replace_stream() {
  ngtcp2_conn_extend_max_streams_bidi(connection_.get(), 1);
}
void QuicConnection::stop_reading(StreamId stream, std::uint64_t code) {
  ngtcp2_conn_shutdown_stream_read(connection_.get(), 0, stream, code);
}
void QuicConnection::stop_writing(StreamId stream, std::uint64_t code) {
  ngtcp2_conn_shutdown_stream_write(connection_.get(), 0, stream, code);
}

}  // namespace forgepool::transport
