#include "transport/quic_server_session.hpp"

#include "transport/responder.hpp"

namespace forgepool::transport {

Status QuicServerSession::start(std::shared_ptr<const TlsContext> tls, const TransportLimits& limits, const ngtcp2_pkt_hd& initial, const Path& path) {
  peer_.address = path.remote.str();
  auto quic = QuicConnection::accept(std::move(tls), shared_->settings(limits), path, initial, *this, shared_->loop.now());
  if (!quic) return fail(std::move(quic.error()));
  quic_ = std::move(*quic);
  http_ = std::make_unique<Http3Server>(*quic_, shared_->http_limits(limits, limits.max_request_bytes));
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

void QuicServerSession::note_progress() {
  if (quic_->established() && peer_.certificate.empty()) {
    peer_.name = quic_->peer().name;
    peer_.key_pin = quic_->peer().key_pin;
    peer_.certificate = quic_->peer().certificate;
  }
  if (!quic_->end() || end_noted_) return;
  end_noted_ = true;
  LogSink* const log = shared_->options.log.get();
  if (quic_->end()->refusal) log_refusal(log, peer_.address, *quic_->end()->refusal);
  else if (log) log->write(LogLevel::debug, "connection_ended", {{"peer", peer_.address}, {"reason", quic_->end()->error.message}});
}

void QuicServerSession::step() {
  for (auto& [stream, request] : http_->take_arrived()) {
    if (quic_->end()) break;  // Nobody to answer; and after `disconnect` nobody to listen to.
    host_.handler()(peer_, std::move(request),
                    make_responder([weak = weak_from_this(), id = stream](Response response) {
                      if (const auto self = weak.lock()) self->respond(id, std::move(response));
                    }));
    if (host_.closed()) return;
  }
  driver_->flush();
  note_progress();
}

void QuicServerSession::respond(StreamId stream, Response response) {
  if (quic_->end() || host_.closed()) return;
  http_->respond(stream, std::move(response));
  host_.schedule(*this);
}

void QuicServerSession::close() {
  quic_->close(shared_->loop.now());
  driver_->flush();
  note_progress();
}

}  // namespace forgepool::transport
