#include "transport/http3.hpp"

#include "transport/http3_callbacks.hpp"

#include <algorithm>
#include <utility>

namespace forgepool::transport {

Http3::~Http3() {
  held_->bytes -= own_held_bytes_;
  nghttp3_conn_del(http_);
}

void Http3::hold_with(std::shared_ptr<HeldBytes> held) {
  held_->bytes -= own_held_bytes_;
  held_ = std::move(held);
  held_->bytes += own_held_bytes_;
}

void Http3::hold(std::size_t bytes) {
  own_held_bytes_ += bytes;
  held_->bytes += bytes;
}

// The HTTP/3 library leaves nothing usable behind after an error.
bool Http3::check(int library_error) {
  if (library_error == 0) return true;
  error_code_ = nghttp3_err_infer_quic_app_error_code(library_error);
  return false;
}

bool Http3::started() {
  nghttp3_settings settings;
  nghttp3_settings_default(&settings);
  settings.max_field_section_size = limits_.max_header_bytes;
  settings.qpack_max_dtable_capacity = 0;
  settings.qpack_encoder_max_dtable_capacity = 0;
  settings.qpack_blocked_streams = 0;
  const int made = role_ == Role::server
                       ? nghttp3_conn_server_new(&http_, &http3_callbacks(), &settings, nghttp3_mem_default(), this)
                       : nghttp3_conn_client_new(&http_, &http3_callbacks(), &settings, nghttp3_mem_default(), this);
  if (!check(made)) return false;
  if (role_ == Role::server) nghttp3_conn_set_max_client_streams_bidi(http_, quic_.settings().max_streams);
  const auto control = quic_.open_control_stream(), encoder = quic_.open_control_stream(),
             decoder = quic_.open_control_stream();
  if (!control || !encoder || !decoder) {
    error_code_ = h3_error::stream_creation;  // A peer that allows fewer does not speak HTTP/3 (RFC 9114, section 6.2).
    return false;
  }
  return check(nghttp3_conn_bind_control_stream(http_, *control)) &&
         check(nghttp3_conn_bind_qpack_streams(http_, *encoder, *decoder));
}

bool Http3::received(StreamId stream, ByteView data, bool fin) {
  if (role_ == Role::server && ngtcp2_is_bidi_stream(stream)) on_activity(stream, data.size());
  const auto consumed = nghttp3_conn_read_stream(http_, stream, data.data(), data.size(), fin ? 1 : 0);
  if (consumed < 0) return check(static_cast<int>(consumed));
  quic_.extend_stream(stream, static_cast<std::uint64_t>(consumed));
  quic_.extend_connection(static_cast<std::uint64_t>(consumed));
  settle();
  return true;
}

bool Http3::acknowledged(StreamId stream, std::uint64_t size) {
  if (const auto found = exchanges_.find(stream); found != exchanges_.end() && found->second.answered)
    found->second.moved_bytes += size;
  return check(nghttp3_conn_add_ack_offset(http_, stream, size));
}
bool Http3::reset(StreamId stream) {
  if (!check(nghttp3_conn_shutdown_stream_read(http_, stream))) return false;
  const auto found = exchanges_.find(stream);
  if (found != exchanges_.end() && !found->second.arrived && !found->second.unwanted) on_reset(stream, found->second);
  settle();
  return true;
}
bool Http3::window_opened(StreamId stream) {
  return !http_ || check(nghttp3_conn_unblock_stream(http_, stream));
}
void Http3::peer_streams(std::uint64_t maximum) {
  if (http_ && role_ == Role::server) nghttp3_conn_set_max_client_streams_bidi(http_, maximum);
}

bool Http3::closed(StreamId stream, std::uint64_t code) {
  if (!http_) return true;
  const int error = nghttp3_conn_close_stream(http_, stream, code);
  if (error != NGHTTP3_ERR_STREAM_NOT_FOUND && !check(error)) return false;
  if (ngtcp2_is_bidi_stream(stream)) on_closed(stream, code);
  return true;
}

bool Http3::next(StreamChunk& chunk) {
  if (!http_) return true;
  std::array<nghttp3_vec, std::tuple_size_v<decltype(chunk.pieces)>> pieces;
  int fin = 0;
  const auto count = nghttp3_conn_writev_stream(http_, &chunk.stream, &fin, pieces.data(), pieces.size());
  if (count < 0) return check(static_cast<int>(count));
  chunk.fin = fin != 0;
  chunk.count = static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < chunk.count; ++i) chunk.pieces[i] = {pieces[i].base, pieces[i].len};
  return true;
}

bool Http3::written(StreamId stream, std::size_t size) {
  return check(nghttp3_conn_add_write_offset(http_, stream, size));
}
void Http3::blocked(StreamId stream) {
  nghttp3_conn_block_stream(http_, stream);
}
void Http3::refused(StreamId stream) {
  nghttp3_conn_shutdown_stream_write(http_, stream);
}

// An announced length costs its sender nothing, so room is made in proportion to what has come.
void Http3::reserve_body(Bytes& body, std::uint64_t announced, std::size_t more) {
  constexpr std::size_t factor = 64;
  const std::size_t needed = body.size() + more;
  if (announced > body.capacity()) body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(announced, factor * needed)));
}

void Http3::append_body(StreamId stream, Exchange& exchange, ByteView data) {
  quic_.extend_connection(data.size());
  if (exchange.unwanted) {
    quic_.extend_stream(stream, data.size());
    return;
  }
  Bytes& body = arriving_body(exchange);
  if (data.size() > limits_.max_body_bytes - body.size()) {
    drop_body(exchange);
    on_body_too_large(stream, exchange);
    return;
  }
  if (data.size() > limits_.refuse_above_bytes - std::min(limits_.refuse_above_bytes, held_->bytes)) {
    drop_body(exchange);
    on_too_much_held(stream, exchange);
    return;
  }
  if (body.size() + data.size() > body.capacity()) reserve_body(body, exchange.content_length, data.size());
  body.insert(body.end(), data.begin(), data.end());
  hold(data.size());
  if (held_->bytes <= limits_.max_held_bytes) {
    quic_.extend_stream(stream, data.size());
  } else {
    exchange.withheld_bytes += data.size();
    credit_withheld_ = true;
    release_credit();
  }
}

// Gives withheld credit back: to everyone when there is room, else to the oldest incomplete message, so that one always gets
// done.
void Http3::release_credit() {
  if (!credit_withheld_) return;
  const bool room = held_->bytes <= limits_.max_held_bytes;
  Exchanges::value_type* oldest = nullptr;
  for (auto& entry : exchanges_) {
    auto& [stream, exchange] = entry;
    if (exchange.arrived || exchange.unwanted) continue;
    if (room)
      quic_.extend_stream(stream, std::exchange(exchange.withheld_bytes, 0));
    else if (!oldest || stream < oldest->first)
      oldest = &entry;
  }
  if (oldest) quic_.extend_stream(oldest->first, std::exchange(oldest->second.withheld_bytes, 0));
  credit_withheld_ = !room;
}

void Http3::let_go(std::size_t bytes) {
  own_held_bytes_ -= bytes;
  held_->bytes -= bytes;
  release_credit();
}

void Http3::drop_body(Exchange& exchange) {
  exchange.unwanted = true;
  Bytes& body = arriving_body(exchange);
  const std::size_t bytes = body.size();
  body = Bytes();
  let_go(bytes);
}

void Http3::forget(Exchanges::iterator exchange) {
  const std::size_t bytes = exchange->second.arrived ? 0 : arriving_body(exchange->second).size();
  exchanges_.erase(exchange);
  let_go(bytes);
}

}  // namespace forgepool::transport
