// attack_flood PORT ENROLMENT_PORT SECONDS: a stranger that does what a stranger can, without end: garbage, handshakes that
// nobody goes on with, connections without a certificate, guesses at join tokens. honest_share.sh measures what is left for the
// others.
#include <forgepool/backends/quic_transport.hpp>

#include "transport/quic_connection.hpp"
#include "transport/udp_socket.hpp"
#include "wire/messages.hpp"

#include <cstdio>
#include <cstdlib>
#include <random>

using namespace forgepool;
using namespace forgepool::transport;

int main(int argc, char** argv) {
  if (argc != 4) return std::fputs("usage: attack_flood PORT ENROLMENT_PORT SECONDS\n", stderr), 2;
  const auto port = static_cast<std::uint16_t>(std::atoi(argv[1])),
             enrolment_port = static_cast<std::uint16_t>(std::atoi(argv[2]));
  const auto loop = make_event_loop();
  const PeerCheck anybody = [](const std::vector<Bytes>&, Time) -> Result<std::string> { return std::string("hub"); };
  const auto address = SocketAddress::parse("127.0.0.1", port).value();
  const auto tls = TlsContext::make(transport::Role::client, {}, anybody).value();
  const auto socket = UdpSocket::connect(*loop, std::make_shared<PacketBuffers>(), address, true).value();
  socket->watch([&] { socket->receive([](ByteView, auto&, auto&) {}); }, {});
  const auto strangers = make_quic_transport(*loop);
  std::unique_ptr<Connection> door, member;
  std::mt19937 random(1);
  Bytes buffer(65536);
  std::uint64_t datagrams = 0, connections = 0, guesses = 0;
  std::unique_ptr<Subscription> timer;
  // A thousand datagrams and a hundred connections a second.
  const std::function<void()> round = [&] {
    for (int i = 0; i < 8; ++i, ++datagrams) {
      Bytes garbage(1200);
      for (auto& byte : garbage) byte = static_cast<std::uint8_t>(random());
      if (i % 2 == 0) garbage[0] |= 0xc0, garbage[1] = garbage[2] = garbage[3] = 0, garbage[4] = 1;
      socket->send(garbage, garbage.size(), {}, {});
    }
    for (int i = 0; i < 2; ++i, ++datagrams) {
      const auto quic = QuicConnection::connect(tls, {}, {socket->local(), address}, loop->now()).value();
      const auto batch = quic->produce(buffer, loop->now());
      socket->send(ByteView(buffer).first(batch.bytes), batch.segment_bytes, {}, {});
    }
    ConnectOptions options;
    options.port = port;
    options.check_peer = anybody;
    member = strangers->connect(options).value();
    member->send({"GET", "/v1/jobs", "", {}}, [](Result<Response>) {});
    ++connections;
    if (!door || !door->usable()) {
      options.port = enrolment_port;
      door = strangers->connect(options).value();
    }
    wire::fb::EnrollT guess;
    guess.secret = Bytes(32, static_cast<std::uint8_t>(random()));
    guess.certificate_request = Bytes(200, 1);
    door->send({"POST", "/v1/enroll", "", wire::encode(guess)}, [](Result<Response>) {});
    ++guesses;
    timer = loop->after(std::chrono::milliseconds(10), round);
  };
  loop->post(round);
  loop->run_for(std::chrono::seconds(std::atoi(argv[3])));
  timer = nullptr;
  std::printf("%llu datagrams, %llu connections, %llu guesses\n", static_cast<unsigned long long>(datagrams),
              static_cast<unsigned long long>(connections), static_cast<unsigned long long>(guesses));
}
