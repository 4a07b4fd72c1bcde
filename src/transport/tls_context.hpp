#pragma once
/// TLS 1.3 for QUIC (RFC 9001) over BoringSSL: one context per listener or outgoing connection, one session per handshake.
///
/// The private key is only ever used through its `Signer`. Who the peer is decides the PeerCheck, on every handshake: sessions
/// are not resumed and there is no 0-RTT, so no connection exists that it did not see. The only protocol offered is "h3".
#include "transport/peer_identity.hpp"
#include "transport/quic_libraries.hpp"

#include <optional>

namespace forgepool::transport {

enum class Role { client, server };

class TlsContext {
 public:
  /// invalid_input for a client without a check, a server without a certificate, or an identity that does not fit together.
  /// A server without a check asks its clients for no certificate.
  static Result<std::shared_ptr<const TlsContext>> make(Role role, TransportIdentity identity, PeerCheck check);

  Role role() const { return role_; }
  const Signer& signer() const { return *identity_.key; }
  const PeerCheck& check() const { return check_; }
  SSL_CTX* native() const { return context_.get(); }

 private:
  TlsContext(Role role, TransportIdentity identity, PeerCheck check);
  Status configure();
  bool use_identity();

  const Role role_;
  const TransportIdentity identity_;
  const PeerCheck check_;
  bssl::UniquePtr<SSL_CTX> context_;
};

class TlsSession {
 public:
  /// `connection` is what ngtcp2's callbacks need to find their connection; it must outlive the session.
  TlsSession(std::shared_ptr<const TlsContext> context, ngtcp2_crypto_conn_ref* connection);
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  SSL* native() const { return ssl_.get(); }
  /// The time at which a certificate that arrives now is judged.
  void set_time(Time now) { now_ = now; }
  /// The peer as the handshake established it. Empty before, and without a certificate.
  const PeerIdentity& peer() const { return peer_; }
  /// After a handshake that failed on this side: why this side refused the peer.
  std::string refusal() const;

 private:
  friend struct TlsCallbacks;
  ssl_verify_result_t verify(std::uint8_t* alert);

  const std::shared_ptr<const TlsContext> context_;
  bssl::UniquePtr<SSL> ssl_;
  Time now_{};
  PeerIdentity peer_;
  std::optional<std::string> check_error_;
};

}  // namespace forgepool::transport
