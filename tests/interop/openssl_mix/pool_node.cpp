#include "pool_node.hpp"

#include <forgepool/backends/quic_transport.hpp>
#include <forgepool/credentials.hpp>
#include <forgepool/event_loop.hpp>

#include <optional>
#include <stdexcept>

namespace mix {
namespace {

using namespace forgepool;

template <class T>
T need(Result<T> result) {
  if (!result) throw std::runtime_error("libforgepool: " + result.error().message);
  return std::move(*result);
}

/// Accepts exactly one certificate.
PeerCheck only(const std::vector<Bytes>& expected, std::string name) {
  return [leaf = expected.at(0), name = std::move(name)](const std::vector<Bytes>& chain, Time) -> Result<std::string> {
    if (chain.at(0) != leaf) return fail(ErrorKind::unauthenticated, "another certificate than the expected one");
    return name;
  };
}

}  // namespace

std::string make_and_check_signatures() {
  std::string done;
  for (const auto algorithm : {KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ed25519}) {
    const auto key = need(generate_key(algorithm));
    const auto signature = need(key->sign(as_bytes("abc")));
    if (!verify_signature(key->public_key(), as_bytes("abc"), signature))
      throw std::runtime_error("libforgepool refuses its own signature");
    if (verify_signature(key->public_key(), as_bytes("abd"), signature))
      throw std::runtime_error("libforgepool accepts a wrong signature");
    done += (algorithm == KeyAlgorithm::ed25519 ? "Ed25519 " : "P-256 ");
  }
  if (sha256("abc").hex() != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    throw std::runtime_error("libforgepool's SHA-256 is wrong");
  return done + "signed and verified";
}

std::string ask_over_quic() {
  const auto loop = make_event_loop();
  std::optional<Result<Response>> answer;
  std::string failure;
  std::unique_ptr<Transport> hub_transport, agent_transport;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Connection> connection;
  // Transports are used, and in the end destroyed, on their loop.
  const auto finish = [&] {
    connection.reset();
    listener.reset();
    agent_transport.reset();
    hub_transport.reset();
    loop->stop();
  };
  loop->post([&] {
    try {
      const auto hub = need(make_hub_identity("mix.example", loop->now()));
      const auto member = need(issue_credentials(hub, "client/one", loop->now()));
      hub_transport = make_quic_transport(*loop);
      agent_transport = make_quic_transport(*loop);
      ListenOptions listen;
      listen.identity = hub.tls;
      listen.check_peer = only(member.identity.certificate_chain, member.name);
      listen.handler = [](const Peer& peer, Request request, Responder respond) {
        respond({200, "text/plain", to_bytes(request.path + " for " + peer.name)});
      };
      listener = need(hub_transport->listen(std::move(listen)));
      ConnectOptions connect;
      connect.port = listener->port();
      connect.identity = member.identity;
      connect.check_peer = only(hub.tls.certificate_chain, "hub");
      connection = need(agent_transport->connect(std::move(connect)));
      connection->send({"GET", "/mix", {}, {}}, [&](Result<Response> response) {
        answer = std::move(response);
        loop->post(finish);
      });
    } catch (const std::exception& error) {
      failure = error.what();
      loop->post(finish);
    }
  });
  if (!loop->run_for(std::chrono::seconds(40))) throw std::runtime_error("libforgepool: no answer over QUIC within 40 s");
  if (!failure.empty()) throw std::runtime_error(failure);
  return to_text(need(std::move(*answer)).body);
}

}  // namespace mix
