#include "world.hpp"

#include <catch2/catch_test_macros.hpp>

namespace forgepool::test {

using namespace std::chrono_literals;

Authority::Authority() {
  key_ = generate_key(KeyAlgorithm::ecdsa_p256).value();
  const auto der = make_ca_certificate(
      *key_, {.common_name = "test", .not_before = now - 24h * 365, .not_after = now + 24h * 365, .path_length = 0});
  certificate_ = parse_certificate(der.value()).value();
}

TransportIdentity Authority::issue(const std::string& name, KeyAlgorithm algorithm) const {
  return issue(name, now - 24h, now + 24h, algorithm);
}

TransportIdentity Authority::issue(const std::string& name, Time not_before, Time not_after, KeyAlgorithm algorithm) const {
  TransportIdentity identity;
  identity.key = generate_key(algorithm).value();
  CertificateFields fields;
  fields.not_before = not_before;
  fields.not_after = not_after;
  fields.key_usage = key_usage::digital_signature;
  fields.extended_key_usage = {std::string(eku_server_auth), std::string(eku_client_auth)};
  fields.uri_names = {std::string(uri_prefix) + name};
  identity.certificate_chain = {make_certificate(certificate_, *key_, identity.key->public_key(), fields).value()};
  return identity;
}

PeerCheck Authority::check(std::optional<Digest> pin) const {
  return [root = certificate_, pin](const std::vector<Bytes>& chain, Time at) -> Result<std::string> {
    const auto leaf = verify_chain(chain, root, at);
    if (!leaf) return fail(leaf.error());
    if (pin && leaf->key.pin() != *pin) return fail(ErrorKind::unauthenticated, "its key does not match the pin");
    if (leaf->fields.uri_names.size() != 1) return fail(ErrorKind::unauthenticated, "it has no name");
    return leaf->fields.uri_names.front();
  };
}

void RecordingLog::write(LogLevel, std::string_view event, const std::vector<LogField>& fields) {
  const std::lock_guard lock(mutex_);
  for (const auto& field : fields)
    if (field.key == "reason") records_.emplace_back(std::string(event), field.value);
}

std::vector<std::string> RecordingLog::refusals() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> reasons;
  for (const auto& [event, reason] : records_)
    if (event == "peer_refused") reasons.push_back(reason);
  return reasons;
}

bool RecordingLog::has_refusal(std::string_view part_of_reason) const {
  for (const auto& reason : refusals())
    if (reason.find(part_of_reason) != std::string::npos) return true;
  return false;
}

World::World(Backend backend, QuicTransportOptions options) : backend_(backend) {
  if (backend == Backend::quic) {
    options.log = hub_log;
    hub_transport = make_quic_transport(*loop, options);
    options.log = agent_log;
    agent_transport = make_quic_transport(*loop, options);
  } else {
    const auto network = make_memory_network();
    hub_transport = make_memory_transport(*loop, network, hub_log);
    agent_transport = make_memory_transport(*loop, network, agent_log);
  }
}

ListenOptions World::listen_options() {
  ListenOptions options;
  options.address = backend_ == Backend::quic ? "127.0.0.1" : "hub";
  options.identity = hub;
  options.check_peer = authority.check();
  options.handler = [](const Peer&, Request request, Responder respond) {
    respond({200, "application/octet-stream", std::move(request.body)});
  };
  return options;
}

std::unique_ptr<Listener> World::listen(ListenOptions options) {
  auto listener = hub_transport->listen(std::move(options));
  if (!listener) FAIL(listener.error().message);
  return std::move(*listener);
}

ConnectOptions World::connect_options(const Listener& listener) {
  ConnectOptions options;
  options.address = backend_ == Backend::quic ? "127.0.0.1" : "hub";
  options.port = listener.port();
  options.identity = agent;
  options.check_peer = authority.check(pin_of(hub));
  return options;
}

std::unique_ptr<Connection> World::connect(ConnectOptions options) {
  auto connection = agent_transport->connect(std::move(options));
  if (!connection) FAIL(connection.error().message);
  return std::move(*connection);
}

void World::run_until(const std::function<bool()>& condition) {
  bool holds = false;
  std::unique_ptr<Subscription> timer;
  const std::function<void()> look = [&] {
    if ((holds = condition()))
      loop->stop();
    else
      timer = loop->after(1ms, look);
  };
  loop->post(look);
  loop->run_for(60s);
  REQUIRE(holds);
}

Result<Response> World::exchange(Connection& connection, Request request) {
  std::optional<Result<Response>> result;
  connection.send(std::move(request), [&](Result<Response> given) { result = std::move(given); });
  run_until([&] { return result.has_value(); });
  return std::move(*result);
}

Request call(std::string method, std::string path, Bytes body) {
  return {std::move(method), std::move(path), {}, std::move(body)};
}
Request get(std::string path, std::string authorization) {
  return {"GET", std::move(path), std::move(authorization), {}};
}
Request post(std::string path, Bytes body) {
  return call("POST", std::move(path), std::move(body));
}

Bytes pattern(std::size_t size, std::uint32_t seed) {
  Bytes bytes(size);
  std::uint32_t state = seed | 1;
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

}  // namespace forgepool::test
