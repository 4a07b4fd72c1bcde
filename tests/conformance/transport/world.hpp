#pragma once
/// What the transport tests stand on: an authority that issues identities, a log that remembers, and a world with a listening
/// and a connecting transport of one backend on one loop.
#include <forgepool/backends/memory_transport.hpp>
#include <forgepool/backends/quic_transport.hpp>
#include <forgepool/event_loop.hpp>

#include "crypto/x509.hpp"

#include <mutex>
#include <optional>

namespace forgepool::test {

/// A certificate authority and the peer check that goes with it.
class Authority {
 public:
  Authority();

  /// A P-256 or Ed25519 identity that is valid from a day before to a day after `now`.
  TransportIdentity issue(const std::string& name, KeyAlgorithm algorithm = KeyAlgorithm::ecdsa_p256) const;
  TransportIdentity issue(const std::string& name, Time not_before, Time not_after,
                          KeyAlgorithm algorithm = KeyAlgorithm::ecdsa_p256) const;

  /// Accepts what this authority issued and is valid; with `pin`, only that key. The name is the certificate's URI.
  PeerCheck check(std::optional<Digest> pin = {}) const;

  static constexpr std::string_view uri_prefix = "spiffe://test/";
  const Time now = std::chrono::system_clock::now();

 private:
  std::shared_ptr<Signer> key_;
  Certificate certificate_;
};

inline Digest pin_of(const TransportIdentity& identity) {
  return identity.key->public_key().pin();
}

/// Keeps every record; thread-safe.
class RecordingLog final : public LogSink {
 public:
  void write(LogLevel level, std::string_view event, const std::vector<LogField>& fields) override;
  /// The reasons of all "peer_refused" records so far.
  std::vector<std::string> refusals() const;
  bool has_refusal(std::string_view part_of_reason) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, std::string>> records_;  // Event and reason.
};

enum class Backend { quic, memory };

class World {
 public:
  explicit World(Backend backend, QuicTransportOptions options = {});

  /// The hub's side with defaults: identity "hub", mutual authentication, an echo handler.
  ListenOptions listen_options();
  std::unique_ptr<Listener> listen(ListenOptions options);
  /// An agent's side with defaults: identity "agent", checks that the peer is the hub.
  ConnectOptions connect_options(const Listener& listener);
  std::unique_ptr<Connection> connect(ConnectOptions options);
  std::unique_ptr<Connection> connect(const Listener& listener) { return connect(connect_options(listener)); }

  /// Runs the loop until the condition holds. Fails the test if it does not within a minute.
  void run_until(const std::function<bool()>& condition);
  /// Sends and runs the loop until there is a result.
  Result<Response> exchange(Connection& connection, Request request);

  const Authority authority;
  const TransportIdentity hub = authority.issue("hub"), agent = authority.issue("agent");
  const std::shared_ptr<RecordingLog> hub_log = std::make_shared<RecordingLog>(), agent_log = std::make_shared<RecordingLog>();
  const std::unique_ptr<RunnableEventLoop> loop = make_event_loop();
  std::unique_ptr<Transport> hub_transport, agent_transport;

 private:
  const Backend backend_;
};

Request call(std::string method, std::string path, Bytes body = {});
Request get(std::string path, std::string authorization = {});
Request post(std::string path, Bytes body = {});
/// `size` bytes that are no simple pattern.
Bytes pattern(std::size_t size, std::uint32_t seed = 1);

}  // namespace forgepool::test
