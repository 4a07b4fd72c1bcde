#include "transport_quic.hpp"

#include "transport_processes.hpp"

#include "crypto/x509.hpp"

#include <forgepool/backends/quic_transport.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace bench {
namespace {

using namespace forgepool;
using namespace std::chrono_literals;

struct Identities {
  Certificate root;
  TransportIdentity hub, agent;
};

Identities make_identities() {
  const Time now = std::chrono::system_clock::now();
  const auto key = generate_key(KeyAlgorithm::ecdsa_p256).value();
  const Certificate root = parse_certificate(make_ca_certificate(*key, {"benchmark", now - 1h, now + 24h, 0}).value()).value();
  const auto issue = [&](const char* name) {
    TransportIdentity identity{{}, generate_key(KeyAlgorithm::ecdsa_p256).value()};
    CertificateFields fields;
    fields.not_before = now - 1h;
    fields.not_after = now + 24h;
    fields.key_usage = key_usage::digital_signature;
    fields.uri_names = {std::string("spiffe://benchmark/") + name};
    identity.certificate_chain = {make_certificate(root, *key, identity.key->public_key(), fields).value()};
    return identity;
  };
  return {root, issue("hub"), issue("agent")};
}

PeerCheck check(const Certificate& root, const TransportIdentity& expected) {
  return [root, pin = expected.key->public_key().pin()](const std::vector<Bytes>& chain, Time now) -> Result<std::string> {
    const auto leaf = verify_chain(chain, root, now);
    if (!leaf) return fail(leaf.error());
    if (leaf->key.pin() != pin) return fail(ErrorKind::unauthenticated, "wrong pin");
    return leaf->fields.uri_names.front();
  };
}

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "benchmark failed: %s\n", result.error().message.c_str());
  std::exit(1);
}

/// The echoing hub in its process, and an agent's side here.
class Setup {
 public:
  Setup() {
    options_.port = peer_.port();
    options_.identity = identities_.agent;
    options_.check_peer = check(identities_.root, identities_.hub);
  }
  std::unique_ptr<Connection> connect() { return must(transport_->connect(options_)); }
  RunnableEventLoop& loop() { return *loop_; }

 private:
  void serve(const PeerProcess::Ready& ready) const {
    const auto loop = make_event_loop();
    const auto transport = make_quic_transport(*loop);
    ListenOptions options;
    options.identity = identities_.hub;
    options.check_peer = check(identities_.root, identities_.agent);
    options.limits.max_connections = 1u << 20;
    options.handler = [](const Peer&, Request request, Responder respond) {
      respond({200, "application/octet-stream", std::move(request.body)});
    };
    const auto listener = must(transport->listen(std::move(options)));
    ready(listener->port());
    loop->run();
  }

  const Identities identities_ = make_identities();
  const PeerProcess peer_{[this](PeerProcess::Ready ready) { serve(ready); }};
  const std::unique_ptr<RunnableEventLoop> loop_ = make_event_loop();
  const std::unique_ptr<Transport> transport_ = make_quic_transport(*loop_);
  ConnectOptions options_;
};

Request echo(Bytes body) {
  return {"POST", "/echo", {}, std::move(body)};
}

}  // namespace

double quic_echo_mb_per_s(std::size_t message_bytes, unsigned in_flight, std::size_t total_bytes) {
  Setup setup;
  const auto connection = setup.connect();
  std::size_t asked = 0, answered = 0;
  const std::size_t count = std::max<std::size_t>(total_bytes / message_bytes, in_flight);
  double start = 0;
  std::function<void(Bytes)> ask = [&](Bytes message) {
    ++asked;
    connection->send(echo(std::move(message)), [&](Result<Response> response) {
      Bytes body = must(std::move(response)).body;
      if (body.size() != message_bytes) std::abort();
      if (++answered == count)
        setup.loop().stop();
      else if (asked < count)
        ask(std::move(body));
    });
  };
  connection->send(echo({}), [&](Result<Response> response) {
    must(std::move(response));
    start = now_s();
    for (unsigned i = 0; i < in_flight && asked < count; ++i) ask(Bytes(message_bytes, 'x'));
  });
  setup.loop().run();
  return static_cast<double>(count * message_bytes) / (now_s() - start) / 1e6;
}

Requests quic_requests(std::size_t message_bytes, unsigned in_flight, double seconds) {
  Setup setup;
  const auto connection = setup.connect();
  std::vector<float> latencies_us;
  latencies_us.reserve(1u << 22);
  double start = 0, end = 0;
  bool over = false;
  std::function<void()> ask = [&] {
    connection->send(echo(Bytes(message_bytes, 'x')), [&, asked = now_s()](Result<Response> response) {
      must(std::move(response));
      const double now = now_s();
      latencies_us.push_back(static_cast<float>((now - asked) * 1e6));
      if (now - start < seconds) {
        ask();
      } else if (!std::exchange(over, true)) {
        end = now;
        setup.loop().stop();
      }
    });
  };
  connection->send(echo({}), [&](Result<Response> response) {
    must(std::move(response));
    start = now_s();
    for (unsigned i = 0; i < in_flight; ++i) ask();
  });
  setup.loop().run();
  std::ranges::sort(latencies_us);
  const auto at = [&](double part) {
    return static_cast<double>(latencies_us[static_cast<std::size_t>(part * static_cast<double>(latencies_us.size() - 1))]);
  };
  return {static_cast<double>(latencies_us.size()) / (end - start), at(0.5), at(0.99)};
}

double quic_handshakes_per_s(unsigned in_flight, double seconds) {
  Setup setup;
  std::vector<std::unique_ptr<Connection>> connections(in_flight);
  std::size_t done = 0;
  const double start = now_s();
  double end = 0;
  std::function<void(std::size_t)> make = [&](std::size_t place) {
    connections[place] = setup.connect();
    connections[place]->send(echo({}), [&, place](Result<Response> response) {
      must(std::move(response));
      ++done;
      if (now_s() - start < seconds)
        setup.loop().post([&make, place] { make(place); });
      else if (end == 0)
        end = now_s(), setup.loop().stop();
    });
  };
  for (std::size_t i = 0; i < in_flight; ++i) make(i);
  setup.loop().run();
  return static_cast<double>(done) / (end - start);
}

}  // namespace bench
