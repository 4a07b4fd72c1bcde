#pragma once
/// Two sans-I/O QUIC connections with a simulated network between them, under a virtual clock: loss, reordering and duplication
/// from a seed. No sockets, no threads, no waiting.
#include "../../conformance/transport/world.hpp"

#include "transport/http3_client.hpp"
#include "transport/http3_server.hpp"
#include "transport/stateless_packets.hpp"

#include <map>
#include <random>
#include <set>

namespace forgepool::test {

struct LinkFaults {
  double loss = 0, duplication = 0, reordering = 0;
  Duration delay = std::chrono::milliseconds(10);
  std::uint32_t seed = 1;
};

class SimulatedLink {
 public:
  struct Ends {
    TransportIdentity client, server;
    PeerCheck check_server, check_client;  ///< Of the client, of the server.
  };
  SimulatedLink(const Authority& authority, const Ends& ends, const LinkFaults& faults,
                const transport::QuicSettings& settings = {}, const transport::Http3Limits& limits = {},
                Duration start_after = {});
  /// Both checks as an honest deployment has them.
  static Ends honest(const Authority& authority);

  /// Replaces HTTP/3 at the client's end. Before `run_until`.
  void use_streams(transport::StreamLayer& streams) { client->attach(streams); }

  /// Replaces the TLS of an end. Before `run_until`.
  void use_server(std::shared_ptr<const transport::TlsContext> tls) { server_tls_ = std::move(tls); }
  void use_client(std::shared_ptr<const transport::TlsContext> tls);

  /// Lets virtual time pass until the condition holds or `limit` is over; returns whether it held.
  bool run_until(const std::function<bool()>& condition, Duration limit = std::chrono::minutes(5));

  /// Called for every datagram that is put on the way, and may change it.
  std::function<void(Bytes& datagram, bool to_server)> tamper;
  /// From now on the server sees the client's datagrams come from there.
  void client_seen_at(const transport::SocketAddress& address);
  /// While false, what the server sends to another address than the client's first one vanishes.
  bool elsewhere_reachable = true;
  std::size_t bytes_to_elsewhere = 0, bytes_from_elsewhere = 0;

  /// While set, the server answers first packets without a valid token with a Retry.
  bool retry = false;
  std::size_t retries = 0, invalid_tokens = 0;
  /// While false, datagrams to the server vanish.
  bool server_reachable = true;

  Time now;
  std::unique_ptr<transport::QuicConnection> client, server;
  std::unique_ptr<transport::Http3Client> http_client;
  std::unique_ptr<transport::Http3Server> http_server;
  std::size_t datagrams = 0, lost = 0;

  /// The server answers every request with its body, unless this is set.
  std::function<void(transport::Http3Server::Arrived)> handler;

 private:
  struct Ids final : transport::ConnectionIdRegistry {
    void add(ByteView id) override { known.insert(to_hex(id)); }
    void remove(ByteView id) override { known.erase(to_hex(id)); }
    std::set<std::string> known;
  };
  struct Flying {
    Bytes datagram;
    bool to_server;
  };
  void launch(ByteView batch, std::size_t segment_bytes, bool to_server, bool elsewhere = false);
  void pump();
  void arrive(const Flying& flying);

  const LinkFaults faults_;
  const transport::QuicSettings settings_;
  const transport::Http3Limits limits_;
  std::shared_ptr<const transport::TlsContext> server_tls_;
  transport::Path client_path_, server_path_;
  const transport::ResetSecret reset_secret_{7};
  Ids ids_;
  std::mt19937 random_;
  std::multimap<Time, Flying> flying_;
  Bytes buffer_ = Bytes(65536);
};

}  // namespace forgepool::test
