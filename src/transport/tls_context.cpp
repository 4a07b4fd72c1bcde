#include "transport/tls_context.hpp"

#include "crypto/reason.hpp"

#include <algorithm>

namespace forgepool::transport {

/// BoringSSL's callbacks: find the session of a connection and pass the call on.
struct TlsCallbacks {
  static int session_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
  }
  static TlsSession& session(const SSL* ssl) { return *static_cast<TlsSession*>(SSL_get_ex_data(ssl, session_index())); }

  static ssl_verify_result_t verify(SSL* ssl, std::uint8_t* alert) { return session(ssl).verify(alert); }

  // Signs on the loop's thread. A signature takes some 20 µs from memory; a slow key holds the loop up.
  static ssl_private_key_result_t sign(SSL* ssl, std::uint8_t* out, std::size_t* out_size, std::size_t max_size, std::uint16_t,
                                       const std::uint8_t* in, std::size_t in_size) {
    const auto signature = session(ssl).context_->signer().sign({in, in_size});
    if (!signature || signature->size() > max_size) return ssl_private_key_failure;
    std::ranges::copy(*signature, out);
    *out_size = signature->size();
    return ssl_private_key_success;
  }
  // Only RSA key exchange decrypts, and TLS 1.3 has none; `sign` never asks to be completed later.
  static ssl_private_key_result_t decrypt(SSL*, std::uint8_t*, std::size_t*, std::size_t, const std::uint8_t*, std::size_t) {
    return ssl_private_key_failure;
  }
  static ssl_private_key_result_t complete(SSL*, std::uint8_t*, std::size_t*, std::size_t) { return ssl_private_key_failure; }

  static int select_protocol(SSL*, const std::uint8_t** out, std::uint8_t* out_size, const std::uint8_t* in, unsigned in_size,
                             void*) {
    std::uint8_t* selected = nullptr;
    if (SSL_select_next_proto(&selected, out_size, in, in_size, h3, sizeof h3) != OPENSSL_NPN_NEGOTIATED)
      return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
  }

  /// Takes the session over. Tickets come after the handshake: the peer was established.
  static int new_session(SSL* ssl, SSL_SESSION* taken) {
    const TlsSession& owner = session(ssl);
    owner.context_->keep_session(bssl::UniquePtr<SSL_SESSION>(taken), owner.now_);
    return 1;
  }

  static constexpr std::uint8_t h3[] = {2, 'h', '3'};
  static constexpr SSL_PRIVATE_KEY_METHOD key_method = {sign, decrypt, complete};
};

TlsContext::TlsContext(Role role, TransportIdentity identity, PeerCheck check, Resumption resumption)
    : role_(role), identity_(std::move(identity)), check_(std::move(check)), resumption_(std::move(resumption)) {}

Result<std::shared_ptr<const TlsContext>> TlsContext::make(Role role, TransportIdentity identity, PeerCheck check,
                                                           Resumption resumption) {
  if (role == Role::client && !check)
    return fail(ErrorKind::invalid_input, "connecting needs a check_peer: it establishes who the peer is");
  if (role == Role::server && identity.certificate_chain.empty())
    return fail(ErrorKind::invalid_input, "listening needs an identity: a certificate chain and its key");
  if (auto usable = check_identity(identity); !usable) return fail(std::move(usable.error()));
  const std::shared_ptr<TlsContext> context(new TlsContext(role, std::move(identity), std::move(check), std::move(resumption)));
  if (auto configured = context->configure(); !configured) return fail(std::move(configured.error()));
  return std::shared_ptr<const TlsContext>(context);
}

Status TlsContext::configure() {
#ifdef NID_X25519MLKEM768  // The final hybrid; not the draft (Kyber) of older libraries.
  static constexpr int groups[] = {NID_X25519MLKEM768, NID_X25519, NID_X9_62_prime256v1};
#else
  static constexpr int groups[] = {NID_X25519, NID_X9_62_prime256v1};
#endif
  // Without this list BoringSSL refuses peers with Ed25519 certificates.
  static constexpr std::uint16_t algorithms[] = {SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_ED25519};

  context_.reset(SSL_CTX_new(TLS_with_buffers_method()));  // Certificates stay bytes: parsing them is the check's business.
  SSL_CTX* const context = context_.get();
  bool done = context && (role_ == Role::server ? ngtcp2_crypto_boringssl_configure_server_context(context)
                                                : ngtcp2_crypto_boringssl_configure_client_context(context)) == 0;
  done = done && SSL_CTX_set1_curves(context, groups, std::size(groups)) == 1 &&
         SSL_CTX_set_verify_algorithm_prefs(context, algorithms, std::size(algorithms)) == 1 && use_identity();
  if (!done) {
    ERR_clear_error();
    return fail(ErrorKind::invalid_input,
                "the TLS library refused the transport identity: expected a P-256 or Ed25519 key and its certificate chain");
  }
  SSL_CTX_set_early_data_enabled(context, 0);
  configure_resumption();
  SSL_CTX_set_custom_verify(context, check_ ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE,
                            TlsCallbacks::verify);
  if (role_ == Role::server) {
    SSL_CTX_set_alpn_select_cb(context, TlsCallbacks::select_protocol, nullptr);
  } else {
    SSL_CTX_set_alpn_protos(context, TlsCallbacks::h3, sizeof TlsCallbacks::h3);
  }
  return {};
}

void TlsContext::configure_resumption() {
  SSL_CTX* const context = context_.get();
  // A server keeps nothing: what it needs comes back to it in the ticket, sealed under a key of this context that dies with it.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (resumption_.life <= Duration::zero() || !check_ || (role_ == Role::client && !resumption_.cache)) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    return;
  }
  static constexpr std::uint8_t name[] = {'f', 'o', 'r', 'g', 'e', 'p', 'o', 'o', 'l'};
  SSL_CTX_set_session_id_context(context, name, sizeof name);
  SSL_CTX_set_session_psk_dhe_timeout(
      context, static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(resumption_.life).count()));
  if (role_ == Role::client) {
    session_key_ = {resumption_.peer,
                    identity_.certificate_chain.empty() ? Digest{} : sha256(identity_.certificate_chain.front())};
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, TlsCallbacks::new_session);
  }
}

bssl::UniquePtr<SSL_SESSION> TlsContext::take_session(Time now) const {
  return role_ == Role::client && resumption_.cache ? resumption_.cache->take(session_key_, now) : nullptr;
}

void TlsContext::keep_session(bssl::UniquePtr<SSL_SESSION> session, Time now) const {
  if (resumption_.cache) resumption_.cache->put(session_key_, std::move(session), now + resumption_.life);
}

bool TlsContext::use_identity() {
  if (identity_.certificate_chain.empty()) return true;
  std::vector<bssl::UniquePtr<CRYPTO_BUFFER>> owners;
  std::vector<CRYPTO_BUFFER*> chain;
  for (const Bytes& certificate : identity_.certificate_chain) {
    owners.emplace_back(CRYPTO_BUFFER_new(certificate.data(), certificate.size(), nullptr));
    chain.push_back(owners.back().get());
  }
  const std::uint16_t algorithm =
      identity_.key->public_key().algorithm == KeyAlgorithm::ed25519 ? SSL_SIGN_ED25519 : SSL_SIGN_ECDSA_SECP256R1_SHA256;
  return SSL_CTX_set_chain_and_key(context_.get(), chain.data(), chain.size(), nullptr, &TlsCallbacks::key_method) == 1 &&
         SSL_CTX_set_signing_algorithm_prefs(context_.get(), &algorithm, 1) == 1;
}

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, ngtcp2_crypto_conn_ref* connection, Time now)
    : context_(std::move(context)), ssl_(SSL_new(context_->native())), now_(now) {
  SSL_set_ex_data(ssl_.get(), TlsCallbacks::session_index(), this);
  SSL_set_app_data(ssl_.get(), connection);
  if (context_->role() == Role::server)
    SSL_set_accept_state(ssl_.get());
  else
    SSL_set_connect_state(ssl_.get());
  SSL_set_quic_use_legacy_codepoint(ssl_.get(), 0);
  if (const auto session = context_->take_session(now)) SSL_set_session(ssl_.get(), session.get());
}

std::vector<Bytes> TlsSession::peer_chain() const {
  std::vector<Bytes> chain;
  const STACK_OF(CRYPTO_BUFFER)* const sent = SSL_get0_peer_certificates(ssl_.get());
  for (std::size_t i = 0; sent && i < sk_CRYPTO_BUFFER_num(sent); ++i) {
    const CRYPTO_BUFFER* const certificate = sk_CRYPTO_BUFFER_value(sent, i);
    chain.emplace_back(CRYPTO_BUFFER_data(certificate), CRYPTO_BUFFER_data(certificate) + CRYPTO_BUFFER_len(certificate));
  }
  return chain;
}

bool TlsSession::recheck() {
  if (!resumed() || !context_->check()) return true;
  const auto chain = peer_chain();
  if (chain.empty()) {
    check_error_ = "it resumed a session without a certificate";
    return false;
  }
  auto peer = establish(context_->check(), chain, now_);
  if (!peer) {
    check_error_ = std::move(peer.error().message);
    return false;
  }
  peer_ = std::move(*peer);
  return true;
}

ssl_verify_result_t TlsSession::verify(std::uint8_t* alert) {
  const auto chain = peer_chain();
  if (chain.empty()) {
    *alert = SSL_AD_CERTIFICATE_REQUIRED;
    check_error_ = "it showed no certificate";
    return ssl_verify_invalid;
  }
  auto peer = establish(context_->check(), chain, now_);
  if (!peer) {
    // No secret: the peer can read its certificate. Why else it was refused is not for it to know.
    const auto code = reason_code(peer.error());
    const bool out_of_date = code == "certificate_expired" || code == "certificate_not_yet_valid";
    *alert = out_of_date ? SSL_AD_CERTIFICATE_EXPIRED : SSL_AD_ACCESS_DENIED;
    check_error_ = std::move(peer.error().message);
    return ssl_verify_invalid;
  }
  peer_ = std::move(*peer);
  return ssl_verify_ok;
}

std::string TlsSession::refusal() const {
  if (check_error_) return *check_error_;
  const std::uint32_t code = ERR_peek_error();
  if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
    switch (ERR_GET_REASON(code)) {
      case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return "it showed no certificate";
      case SSL_R_NO_APPLICATION_PROTOCOL: return "it does not speak HTTP/3 (ALPN h3)";
      case SSL_R_UNSUPPORTED_PROTOCOL: return "it does not speak TLS 1.3";
      case SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS: return "its key is neither P-256 nor Ed25519";
      default: break;
    }
  }
  const char* const reason = ERR_reason_error_string(code);
  return reason ? std::string("TLS handshake failed: ") + reason : "TLS handshake failed";
}

}  // namespace forgepool::transport
