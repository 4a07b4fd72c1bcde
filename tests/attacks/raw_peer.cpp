#include "raw_peer.hpp"

namespace forgepool::attacks {

using namespace transport;

namespace {

std::shared_ptr<const TlsContext> any_tls(TransportIdentity identity) {
  return must(TlsContext::make(Role::client, std::move(identity),
                               [](const std::vector<Bytes>&, Time) -> Result<std::string> { return std::string("hub"); }));
}

}  // namespace

RawPeer::RawPeer(World& world, TransportIdentity identity, std::uint16_t port)
    : world_(world), hub_(must(SocketAddress::parse("127.0.0.1", port))) {
  open();
  path_ = {socket_->local(), hub_};
  quic = must(QuicConnection::connect(any_tls(std::move(identity)), {}, path_, world.loop->now()));
  streams = std::make_unique<test::RawStreams>(*quic);
  quic->attach(*streams);
  run_until([&] { return streams->is_started || quic->end(); });
}

void RawPeer::open() {
  socket_ = must(UdpSocket::connect(*world_.loop, buffers_, hub_, true));
  socket_->watch(
      [this] {
        socket_->receive([this](ByteView datagram, auto&, auto&) { quic->receive(datagram, path_, world_.loop->now()); });
      },
      {});
}

void RawPeer::move() {
  open();
}

void RawPeer::replay_from_elsewhere() {
  elsewhere_ = must(UdpSocket::connect(*world_.loop, buffers_, hub_, true));
  elsewhere_->watch(
      [this] { elsewhere_->receive([this](ByteView datagram, auto&, auto&) { received_elsewhere += datagram.size(); }); }, {});
  for (const Bytes& datagram : sent) elsewhere_->send(datagram, datagram.size(), {}, {});
}

void RawPeer::pump() {
  const Time now = world_.loop->now();
  if (quic->expiry() <= now) quic->expire(now);
  for (;;) {
    const auto batch = quic->produce(buffers_->send, now);
    if (batch.bytes == 0) return;
    const ByteView bytes = ByteView(buffers_->send).first(batch.bytes);
    for (std::size_t at = 0; at < bytes.size(); at += batch.segment_bytes) {
      const ByteView one = bytes.subspan(at, std::min(batch.segment_bytes, bytes.size() - at));
      if (sent.size() < 1000) sent.emplace_back(one.begin(), one.end());
    }
    socket_->send(bytes, batch.segment_bytes, {}, {});
  }
}

bool RawPeer::run_until(const std::function<bool()>& condition, Duration limit) {
  const Time end = world_.loop->now() + limit;
  bool holds = false;
  world_.run_until([&] {
    pump();
    return (holds = condition()) || world_.loop->now() >= end;
  });
  return holds;
}

Stranger::Stranger(World& world, std::uint16_t port)
    : socket(must(UdpSocket::connect(*world.loop, world.buffers, must(SocketAddress::parse("127.0.0.1", port)), true))) {
  socket->watch(
      [this] {
        socket->receive([this](ByteView bytes, auto&, auto&) {
          received_bytes += bytes.size();
          answers.emplace_back(bytes.begin(), bytes.end());
        });
      },
      {});
}

void Stranger::send(const Bytes& datagram) {
  sent_bytes += datagram.size();
  socket->send(datagram, datagram.size(), {}, {});
}

Bytes first_datagram(World& world, const TransportIdentity& identity) {
  const Path path{must(SocketAddress::parse("127.0.0.1", 9)), must(SocketAddress::parse("127.0.0.1", world.hub->port()))};
  const auto quic = must(QuicConnection::connect(any_tls(identity), {}, path, world.loop->now()));
  Bytes buffer(65536);
  const auto batch = quic->produce(buffer, world.loop->now());
  return Bytes(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(std::min(batch.bytes, batch.segment_bytes)));
}

}  // namespace forgepool::attacks
