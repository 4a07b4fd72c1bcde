#pragma once
/// A QUIC client on a real socket that says what it likes once the handshake is done.
#include "../unit/transport/raw_streams.hpp"
#include "world.hpp"

#include "transport/quic_driver.hpp"

namespace forgepool::attacks {

class RawPeer {
 public:
  RawPeer(World& world, TransportIdentity identity, std::uint16_t port);

  /// Sends what `streams` has, and lets the answers come, until the condition holds or the time is over.
  bool run_until(const std::function<bool()>& condition, Duration limit = std::chrono::seconds(5));
  /// From now on it speaks from another port: what a NAT does, or who forwards packets.
  void move();
  /// The same bytes once more, from another port. Keeps every datagram it sent so far.
  void replay_from_elsewhere();

  std::unique_ptr<transport::QuicConnection> quic;
  std::unique_ptr<test::RawStreams> streams;
  std::vector<Bytes> sent;
  std::size_t received_elsewhere = 0;

 private:
  void open();
  void pump();

  World& world_;
  const transport::SocketAddress hub_;
  const std::shared_ptr<transport::PacketBuffers> buffers_ = std::make_shared<transport::PacketBuffers>();
  transport::Path path_;
  std::unique_ptr<transport::UdpSocket> socket_, elsewhere_;
};

/// Someone who sends any datagrams to a port and keeps the answers.
class Stranger {
 public:
  Stranger(World& world, std::uint16_t port);
  void send(const Bytes& datagram);
  std::unique_ptr<transport::UdpSocket> socket;
  std::vector<Bytes> answers;
  std::size_t sent_bytes = 0, received_bytes = 0;
};

/// The first datagram of a client that is not going to say more.
Bytes first_datagram(World& world, const TransportIdentity& identity = {});

}  // namespace forgepool::attacks
