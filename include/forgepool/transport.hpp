#pragma once
/// Transport: requests and responses between nodes that have proved who they are.
///
/// A node listens or connects; every exchange is one request and one response, independent of all others on the connection.
/// Implementations: QUIC with TLS 1.3 and HTTP/3 (backends/quic_transport.hpp), in memory (backends/memory_transport.hpp), and
/// any of yours. What a body means is not the transport's business; it bounds sizes and establishes the peer's key.
///
/// Threads: everything here runs on the event loop that the transport was made with. Objects returned are owned by the caller;
/// destroying one closes it, and no callback of it runs afterwards.
#include <forgepool/digest.hpp>
#include <forgepool/keys.hpp>
#include <forgepool/time.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace forgepool {

/// A node's own end of mutual TLS. The chain is DER, leaf first, without the root.
struct TransportIdentity {
  std::vector<Bytes> certificate_chain;
  std::shared_ptr<Signer> key;
};

/// The other end of a connection, as established by the handshake and `PeerCheck`.
struct Peer {
  std::string name;     ///< What the PeerCheck made of the certificate (its SPIFFE id); empty without one.
  Digest key_pin;       ///< SHA-256 of the peer's SubjectPublicKeyInfo; zeros without a certificate.
  Bytes certificate;    ///< The leaf, DER; empty without one.
  std::string address;  ///< For logs only: "127.0.0.1:4433".
};

/// Decides whether a peer may connect, from its certificate chain (DER, leaf first, never empty) and the time. Returns the
/// peer's name. An error refuses the handshake; its message is logged on this side and never sent. Called again when a session
/// is resumed, so that a revocation also ends resumption.
using PeerCheck = std::function<Result<std::string>(const std::vector<Bytes>& chain, Time now)>;

struct Request {
  std::string method = "GET";  ///< GET, PUT or POST.
  std::string path;            ///< Absolute, with query: "/v1/jobs?wait=1".
  std::string authorization;   ///< Bearer token, without the word; empty if none.
  Bytes body;
};

struct Response {
  int status = 200;
  std::string content_type = "application/octet-stream";
  Bytes body;
  /// Let go by a listener once the peer has taken the response or never will: for handlers that bound what they make of one
  /// peer at once. Clients get none.
  std::shared_ptr<void> until_taken{};
};

/// Answers one request. May be called at once or later, on the loop, once; a responder that is dropped uncalled answers 500.
using Responder = std::function<void(Response)>;
using RequestHandler = std::function<void(const Peer&, Request, Responder)>;

struct TransportLimits {
  std::size_t max_request_bytes = 64u << 20;   ///< A larger body is answered 413 and the stream is closed.
  std::size_t max_response_bytes = 64u << 20;  ///< A larger response fails the request with too_large.
  std::size_t max_header_bytes = 16u << 10;
  std::uint32_t max_concurrent_requests = 256;  ///< Per connection; the peer waits for a free place.
  std::uint32_t max_connections = 4096;         ///< Per listener; further ones are refused.
  Duration handshake_timeout = std::chrono::seconds(10);
  Duration idle_timeout = std::chrono::seconds(30);

  // What follows keeps some peers of a listener from taking what is there for all. In one process (memory_transport) nobody
  // needs it, and it does nothing.

  /// From one IPv4 address or IPv6 /64; further ones are refused. A whole site behind one address must fit.
  std::uint32_t max_connections_per_address = 1024;
  std::uint32_t max_handshakes_per_address = 256;  ///< Under way at once; as above.
  std::uint32_t max_connections_per_peer = 32;     ///< With one key.
  /// While more handshakes than this are under way, newcomers must first prove that their address is theirs (QUIC's Retry): one
  /// more round trip for them, and packets with forged senders cost next to nothing. 0: always.
  std::uint32_t retry_above_handshakes = 64;
  /// Within which a request must have arrived, and a response been taken, plus one second per 64 KiB. A slower request is
  /// answered 408; a slower response is abandoned.
  Duration request_timeout = std::chrono::seconds(30);
  /// Requests of one peer, over all its connections; further ones wait. 0: any number.
  std::uint32_t max_requests_per_second = 0;
  /// Of one peer, over all its connections: requests from their first byte on until they are answered, and responses until they
  /// are taken. Above it only the oldest request of each connection goes on arriving, and further ones wait for their handlers;
  /// what would arrive beyond `max_request_bytes` more is answered 503.
  std::size_t max_held_bytes_per_peer = 64u << 20;
};

struct ListenOptions {
  std::string address = "127.0.0.1";  ///< IPv4 or IPv6 literal.
  std::uint16_t port = 0;             ///< 0 takes a free one; see Listener::port.
  TransportIdentity identity;
  PeerCheck check_peer;  ///< Empty: clients need no certificate (only for enrolment).
  RequestHandler handler;
  TransportLimits limits;
};

struct ConnectOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
  TransportIdentity identity;  ///< Empty chain: connect without a certificate (only for enrolment).
  PeerCheck check_peer;        ///< Required.
  TransportLimits limits;
};

class Listener {
 public:
  virtual ~Listener() = default;
  virtual std::uint16_t port() const = 0;
  /// Closes every connection with a peer of which this is true (it was revoked). Handshakes under way are not asked about: for
  /// them there is `check_peer`.
  virtual void disconnect(const std::function<bool(const Peer&)>& whose) = 0;
  /// From now on shows this identity to those who connect; connections that are there stay. invalid_input as for `listen`, and
  /// then nothing changes.
  virtual Status set_identity(TransportIdentity identity) = 0;
};

class Connection {
 public:
  virtual ~Connection() = default;
  /// Sends once the handshake is done. `done` gets the response (whatever its status), or `unauthenticated` if the peer or we
  /// were refused, `unavailable` if the connection broke or timed out, `too_large`.
  virtual void send(Request request, std::function<void(Result<Response>)> done) = 0;
  /// False once the connection has ended; every later `send` fails with `unavailable`. Make a new connection then.
  virtual bool usable() const = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  /// `unavailable` if the address cannot be bound, `invalid_input` for a bad address or identity.
  virtual Result<std::unique_ptr<Listener>> listen(ListenOptions options) = 0;
  /// Starts connecting; failures to connect are reported to the requests sent.
  virtual Result<std::unique_ptr<Connection>> connect(ConnectOptions options) = 0;
};

}  // namespace forgepool
