#include "transport/quic_server_session.hpp"

#include "transport/responder.hpp"

#include <utility>

namespace forgepool::transport {

Status QuicServerSession::start(std::shared_ptr<const TlsContext> tls, const TransportLimits& limits,
                                const ngtcp2_pkt_hd& initial, const std::optional<ngtcp2_cid>& retried, const Path& path) {
  peer_.address = path.remote.str();
  from_ = path.remote;
  max_held_bytes_ = limits.max_held_bytes_per_peer;
  auto quic =
      QuicConnection::accept(std::move(tls), shared_->settings(limits), path, initial, retried, *this, shared_->loop.steady());
  if (!quic) return fail(std::move(quic.error()));
  quic_ = std::move(*quic);
  Http3Limits http = shared_->http_limits(limits, limits.max_request_bytes);
  http.max_held_bytes = limits.max_held_bytes_per_peer;
  http.refuse_above_bytes = limits.max_held_bytes_per_peer + limits.max_request_bytes;
  http_ = std::make_unique<Http3Server>(*quic_, http);
  quic_->attach(*http_);
  driver_ = std::make_unique<QuicDriver>(shared_->loop, socket_, *shared_->buffers, *quic_, [this] {
    host_.schedule(*this);
    host_.run_scheduled();
  });
  return {};
}

void QuicServerSession::add(ByteView connection_id) {
  ids_.emplace_back(connection_id);
  host_.route(ids_.back(), *this);
}

void QuicServerSession::remove(ByteView connection_id) {
  const ConnectionId id(connection_id);
  std::erase(ids_, id);
  host_.unroute(id);
}

void QuicServerSession::receive(ByteView datagram, const Path& path, Time now) {
  quic_->receive(datagram, path, now);
  note_progress();
  host_.schedule(*this);
}

void QuicServerSession::note_peer() {
  peer_.name = quic_->peer().name;
  peer_.key_pin = quic_->peer().key_pin;
  peer_.certificate = quic_->peer().certificate;
  const std::string key = peer_.certificate.empty() ? from_.site() : peer_.key_pin.hex();
  usage_ = host_.usage().enter(key);
  if (usage_) {
    usage_key_ = key;
    http_->hold_with(usage_->held);
    return;
  }
  log_refusal(shared_->options.log.get(), peer_.address,
              "max_connections_per_peer: " + (peer_.name.empty() ? "the peer" : peer_.name) +
                  " has as many connections as one peer may have");
  quic_->close(shared_->loop.steady());
}

void QuicServerSession::note_progress() {
  if (!handshake_over_ && (quic_->established() || quic_->end())) {
    handshake_over_ = true;
    host_.usage().handshake_over(from_);
    if (quic_->established() && !quic_->end()) note_peer();
  }
  if (quic_->established() && !quic_->end() && peer_.address != quic_->remote().str()) peer_.address = quic_->remote().str();
  if (!quic_->end() || end_noted_) return;
  end_noted_ = true;
  leave_peer();  // While it lingers to tell the peer, nobody uses it.
  LogSink* const log = shared_->options.log.get();
  if (quic_->end()->refusal)
    log_refusal(log, peer_.address, *quic_->end()->refusal);
  else if (log)
    log->write(LogLevel::debug, "connection_ended", {{"peer", peer_.address}, {"reason", quic_->end()->error.message}});
}

void QuicServerSession::step() {
  hand_over();
  if (host_.closed()) return;
  driver_->flush();
  note_used();
  note_progress();
}

void QuicServerSession::hand_over() {
  const Time now = shared_->loop.steady();
  // After the end there is nobody to answer; and after `disconnect` nobody to listen to.
  while (http_->has_arrived() && !quic_->end() && may_hand_over(now)) {
    auto [stream, request] = http_->take_arrived();
    note_used();
    host_.handler()(peer_, std::move(request), make_responder([weak = weak_from_this(), id = stream](Response response) {
                      if (const auto self = weak.lock()) self->respond(id, std::move(response));
                    }));
    if (host_.closed()) return;
  }
}

bool QuicServerSession::may_hand_over(Time now) {
  if (!usage_) return false;
  // One at a time is always served.
  if (usage_->used_bytes >= max_held_bytes_ && usage_->used_bytes > 0) {
    usage_->waiting.insert(this);
    return false;
  }
  if (usage_->rate.take(now)) return true;
  rate_timer_ = shared_->loop.after(usage_->rate.next() - now, [this] {
    host_.schedule(*this);
    host_.run_scheduled();
  });
  return false;
}

void QuicServerSession::note_used() {
  if (usage_) count_used(http_->used_bytes());
}

void QuicServerSession::count_used(std::size_t bytes) {
  const std::size_t before = std::exchange(used_counted_, bytes);
  usage_->used_bytes += bytes - before;
  if (bytes >= before) return;
  for (QuicServerSession* const session : std::exchange(usage_->waiting, {})) host_.schedule(*session);
}

void QuicServerSession::leave() {
  if (!handshake_over_) host_.usage().handshake_over(from_);
  host_.usage().end(from_);
  leave_peer();
}

void QuicServerSession::leave_peer() {
  if (!usage_) return;
  usage_->waiting.erase(this);
  count_used(0);
  usage_.reset();
  host_.usage().leave(usage_key_);
}

void QuicServerSession::respond(StreamId stream, Response response) {
  if (quic_->end() || host_.closed()) return;
  http_->respond(stream, std::move(response));
  note_used();
  host_.schedule(*this);
}

void QuicServerSession::close() {
  quic_->close(shared_->loop.steady());
  driver_->flush();
  note_progress();
}

}  // namespace forgepool::transport
