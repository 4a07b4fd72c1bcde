#pragma once
/// TLS 1.3 for QUIC (RFC 9001) over BoringSSL: one context per listener or outgoing connection, one session per handshake.
///
/// The private key is only ever used through its `Signer`. Who the peer is decides the PeerCheck, on every handshake. A resumed
/// session skips the TLS library's own verification, so the check sees the certificates that the session was made with, at the
/// time of the resumption (`recheck`). There is no 0-RTT. The only protocol offered is "h3".
///
/// Keys are agreed on with X25519MLKEM768 where the library has it (AWS-LC does), else with X25519 or P-256.
#include "transport/peer_identity.hpp"
#include "transport/quic_libraries.hpp"
#include "transport/session_cache.hpp"

#include <optional>

namespace forgepool::transport {

enum class Role { client, server };

/// Whether sessions are resumed, and where a client keeps them.
struct Resumption {
  Duration life{};                      ///< Zero: no resumption.
  std::shared_ptr<SessionCache> cache;  ///< Clients; null: none are kept.
  std::string peer;                     ///< Clients: what the session is good for, the peer's address.
};

class TlsContext {
 public:
  /// invalid_input for a client without a check, a server without a certificate, or an identity that does not fit together.
  /// A server without a check asks its clients for no certificate.
  /// A server without a check resumes nothing: its clients have no identity that was established.
  static Result<std::shared_ptr<const TlsContext>> make(Role role, TransportIdentity identity, PeerCheck check,
                                                        Resumption resumption = {});

  Role role() const { return role_; }
  const Signer& signer() const { return *identity_.key; }
  const PeerCheck& check() const { return check_; }
  SSL_CTX* native() const { return context_.get(); }

  /// A client's session to resume, if it has one.
  bssl::UniquePtr<SSL_SESSION> take_session(Time now) const;
  void keep_session(bssl::UniquePtr<SSL_SESSION> session, Time now) const;

 private:
  TlsContext(Role role, TransportIdentity identity, PeerCheck check, Resumption resumption);
  Status configure();
  void configure_resumption();
  bool use_identity();

  const Role role_;
  const TransportIdentity identity_;
  const PeerCheck check_;
  const Resumption resumption_;
  SessionCache::Key session_key_;
  bssl::UniquePtr<SSL_CTX> context_;
};

class TlsSession {
 public:
  /// `connection` is what ngtcp2's callbacks need to find their connection; it must outlive the session.
  TlsSession(std::shared_ptr<const TlsContext> context, ngtcp2_crypto_conn_ref* connection, Time now);
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  SSL* native() const { return ssl_.get(); }
  /// The time at which a certificate that arrives now is judged.
  void set_time(Time now) { now_ = now; }
  /// The peer as the handshake established it. Empty before, and without a certificate.
  const PeerIdentity& peer() const { return peer_; }
  bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  /// To be called when the handshake is complete: asks the PeerCheck about the peer of a resumed session. False, with a
  /// `refusal`, if it may not connect (any more).
  bool recheck();
  /// After a handshake that failed on this side: why this side refused the peer.
  std::string refusal() const;

 private:
  friend struct TlsCallbacks;
  ssl_verify_result_t verify(std::uint8_t* alert);
  std::vector<Bytes> peer_chain() const;

  const std::shared_ptr<const TlsContext> context_;
  bssl::UniquePtr<SSL> ssl_;
  Time now_{};
  PeerIdentity peer_;
  std::optional<std::string> check_error_;
};

}  // namespace forgepool::transport
