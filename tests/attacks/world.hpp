#pragma once
/// A live hub on real sockets, honest agents and clients, and what it takes to misbehave: the hub's own keys, to forge with
/// them what only it could make.
#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/backends/quic_transport.hpp>
#include <forgepool/hub.hpp>

#include "crypto/x509.hpp"
#include "identity/receipt.hpp"
#include "identity/token.hpp"
#include "transport/udp_socket.hpp"
#include "wire/messages.hpp"

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <mutex>

namespace forgepool::attacks {

/// Keeps every record; thread-safe.
class HubLog final : public LogSink {
 public:
  void write(LogLevel level, std::string_view event, const std::vector<LogField>& fields) override;
  /// The reasons of "peer_refused" records.
  std::vector<std::string> refused_peers() const;
  std::size_t records() const;
  bool has_control_characters() const;
  bool mentions(std::string_view text) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> refused_;
  std::vector<std::string> values_;  ///< Of all fields, a bounded number.
  std::size_t records_ = 0;
};

/// How a request, or a connection, was turned down.
struct Refusal {
  int status = 0;    ///< 0: the connection was.
  std::string code;  ///< "accepted" for an answer below 400.
  friend bool operator==(const Refusal&, const Refusal&) = default;
};
std::ostream& operator<<(std::ostream& out, const Refusal& refusal);

template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}

/// A connected node.
struct Node {
  Credentials credentials;
  std::unique_ptr<Connection> connection;
};

class World {
 public:
  explicit World(FairShareOptions scheduler = {});
  ~World();

  // --- honest
  Node agent();
  Node client(const std::string& name = "alice");
  Node operator_();
  /// A job of shards that do nothing. `job_id` may be empty.
  Result<Response> submit(Node& client, int shards = 2, const std::string& job_id = "");
  wire::fb::LeaseGrantT lease(Node& agent, std::uint32_t max_shards = 1);
  /// What an honest agent would report.
  identity::Receipt receipt(const Node& agent, const wire::fb::LeaseGrantT& grant) const;
  wire::fb::LeaseResultT report(const Node& agent, const wire::fb::LeaseGrantT& grant) const;
  static std::string sign(const identity::Receipt& receipt, const Signer& key);
  /// A whole job, start to end. Fails the test if the hub is no longer up to it.
  void honest_work_goes_on();

  // --- not so
  Connection& connect(TransportIdentity identity, bool enrolment = false);
  ConnectOptions connect_options(TransportIdentity identity, bool enrolment = false) const;
  /// A member of the other organization, by its keys.
  Node intruder(const std::string& path);
  /// An identity that the hub's CA signed, with these fields.
  TransportIdentity certified(CertificateFields fields, KeyAlgorithm algorithm = KeyAlgorithm::ecdsa_p256) const;
  /// Fields of a good certificate for "agent/<name>".
  CertificateFields fields(const std::string& path) const;
  std::string join_token(Duration life = std::chrono::hours(1), const std::string& role = "agent");
  /// Claims as the hub would make them for this lease.
  identity::TokenClaims claims(const Node& agent, const wire::fb::LeaseGrantT& grant) const;
  std::string mint(const identity::TokenClaims& claims) const;

  // --- asking
  /// With the token that it needs, if it has none and one is to be had.
  Result<Response> ask(Connection& connection, Request request);
  /// As it is.
  Result<Response> ask_bare(Connection& connection, Request request);
  Refusal refusal_bare(Node& node, Request request);
  Refusal refusal(Connection& connection, Request request);
  Refusal refusal(Node& node, Request request) { return refusal(*node.connection, std::move(request)); }
  /// Of a handshake with this identity.
  Refusal handshake(TransportIdentity identity);
  void run_until(const std::function<bool()>& condition);
  void run_for(Duration time);

  const std::unique_ptr<RunnableEventLoop> loop = make_event_loop();
  const std::shared_ptr<HubLog> log = std::make_shared<HubLog>();
  HubIdentity identity;
  /// Of another organization on the hub: all of its keys are the attacker's.
  HubIdentity stolen;
  std::unique_ptr<Transport> transport;
  std::unique_ptr<Hub> hub;
  const std::shared_ptr<transport::PacketBuffers> buffers =
      std::make_shared<transport::PacketBuffers>();  ///< All strangers share them.

 private:
  Refusal refusal_of(const Result<Response>& response) const;

  std::vector<std::unique_ptr<Connection>> strangers_;
  std::optional<Node> honest_agent_, honest_client_;
};

Request post(std::string path, Bytes body, std::string token = {});
Request get(std::string path, std::string token = {});
Request fetch(const wire::fb::LeaseGrantT& grant, const std::string& token);
Request result(const wire::fb::LeaseResultT& report, const std::string& token);
/// Resident memory of this process, bytes.
std::size_t resident_bytes();

}  // namespace forgepool::attacks
