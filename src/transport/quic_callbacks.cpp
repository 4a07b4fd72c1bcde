#include "transport/quic_callbacks.hpp"

#include "transport/quic_connection.hpp"

namespace forgepool::transport {

struct QuicCallbacks {
  static QuicConnection& self(void* user) { return *static_cast<QuicConnection*>(user); }

  // What a stream layer answers: false ends the connection with its error code.
  static int result(QuicConnection& connection, bool done) {
    if (done) return 0;
    connection.stream_layer_failed_ = true;
    return NGTCP2_ERR_CALLBACK_FAILURE;
  }

  static void random(std::uint8_t* out, std::size_t size, const ngtcp2_rand_ctx*) { RAND_bytes(out, size); }

  static int new_connection_id(ngtcp2_conn*, ngtcp2_cid* id, ngtcp2_stateless_reset_token* token, std::size_t size,
                               void* user) {
    RAND_bytes(id->data, size);
    id->datalen = size;
    const auto& secret = self(user).settings_.reset_secret;
    if (ngtcp2_crypto_generate_stateless_reset_token(token->data, secret.data(), secret.size(), id) != 0)
      return NGTCP2_ERR_CALLBACK_FAILURE;
    if (self(user).ids_) self(user).ids_->add({id->data, id->datalen});
    return 0;
  }
  static int remove_connection_id(ngtcp2_conn*, const ngtcp2_cid* id, void* user) {
    if (self(user).ids_) self(user).ids_->remove({id->data, id->datalen});
    return 0;
  }

  static int handshake_completed(ngtcp2_conn*, void* user) {
    if (!self(user).tls_->recheck()) {
      self(user).peer_refused_ = true;
      return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    self(user).established_ = true;
    return 0;
  }
  // The peer moved, and answered a challenge at the place where it says it is now.
  static int path_validated(ngtcp2_conn*, std::uint32_t, const ngtcp2_path* path, const ngtcp2_path*,
                            ngtcp2_path_validation_result result, void* user) {
    if (result == NGTCP2_PATH_VALIDATION_RESULT_SUCCESS)
      self(user).remote_ = SocketAddress::from(path->remote.addr, path->remote.addrlen);
    return 0;
  }
  // The stream layer starts when it can send: a client once the server is established, a server right after its own part of the
  // handshake, half a round trip before the client is established (its settings are no secret).
  static int receive_key(ngtcp2_conn* connection, ngtcp2_encryption_level level, void* user) {
    return level == NGTCP2_ENCRYPTION_LEVEL_1RTT && !ngtcp2_conn_is_server2(connection) ? start(self(user)) : 0;
  }
  static int send_key(ngtcp2_conn* connection, ngtcp2_encryption_level level, void* user) {
    return level == NGTCP2_ENCRYPTION_LEVEL_1RTT && ngtcp2_conn_is_server2(connection) ? start(self(user)) : 0;
  }
  static int start(QuicConnection& connection) {
    return connection.streams_ ? result(connection, connection.streams_->started()) : 0;
  }
  static int reset_received(ngtcp2_conn*, const ngtcp2_pkt_stateless_reset2*, void* user) {
    self(user).reset_by_peer_ = true;
    return 0;
  }

  static int stream_data(ngtcp2_conn*, std::uint32_t flags, std::int64_t stream, std::uint64_t, const std::uint8_t* data,
                         std::size_t size, void* user, void*) {
    auto& connection = self(user);
    return result(connection, connection.streams_->received(stream, {data, size}, (flags & NGTCP2_STREAM_DATA_FLAG_FIN) != 0));
  }
  static int data_acknowledged(ngtcp2_conn*, std::int64_t stream, std::uint64_t, std::uint64_t size, void* user, void*) {
    self(user).mtu_guard_.arrived(size);
    return result(self(user), self(user).streams_->acknowledged(stream, size));
  }
  static int stream_closed(ngtcp2_conn*, std::uint32_t flags, std::int64_t stream, std::uint64_t code, void* user, void*) {
    constexpr std::uint64_t no_error = 0x100;  // H3_NO_ERROR
    return result(self(user),
                  self(user).streams_->closed(stream, flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET ? code : no_error));
  }
  static int stream_reset(ngtcp2_conn*, std::int64_t stream, std::uint64_t, std::uint64_t, void* user, void*) {
    return result(self(user), self(user).streams_->reset(stream));
  }
  static int reading_stopped(ngtcp2_conn*, std::int64_t stream, std::uint64_t, void* user, void*) {
    return result(self(user), self(user).streams_->reset(stream));
  }
  static int window_opened(ngtcp2_conn*, std::int64_t stream, std::uint64_t, void* user, void*) {
    return result(self(user), self(user).streams_->window_opened(stream));
  }
  static int peer_streams(ngtcp2_conn*, std::uint64_t maximum, void* user) {
    self(user).streams_->peer_streams(maximum);
    return 0;
  }

  static ngtcp2_callbacks table() {
    ngtcp2_callbacks callbacks{};
    callbacks.client_initial = ngtcp2_crypto_client_initial_cb;
    callbacks.recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
    callbacks.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
    callbacks.encrypt = ngtcp2_crypto_encrypt_cb;
    callbacks.decrypt = ngtcp2_crypto_decrypt_cb;
    callbacks.hp_mask = ngtcp2_crypto_hp_mask_cb;
    callbacks.recv_retry = ngtcp2_crypto_recv_retry_cb;
    callbacks.update_key = ngtcp2_crypto_update_key_cb;
    callbacks.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
    callbacks.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
    set_path_challenge(callbacks);
    callbacks.version_negotiation = ngtcp2_crypto_version_negotiation_cb;

    callbacks.rand = random;
    set_new_connection_id<new_connection_id>(callbacks);
    callbacks.remove_connection_id = remove_connection_id;
    callbacks.handshake_completed = handshake_completed;
    callbacks.recv_rx_key = receive_key;
    callbacks.recv_tx_key = send_key;
    callbacks.path_validation = path_validated;
    set_reset_received<reset_received>(callbacks);
    callbacks.recv_stream_data = stream_data;
    callbacks.acked_stream_data_offset = data_acknowledged;
    callbacks.stream_close = stream_closed;
    callbacks.stream_reset = stream_reset;
    callbacks.stream_stop_sending = reading_stopped;
    callbacks.extend_max_stream_data = window_opened;
    callbacks.extend_max_remote_streams_bidi = peer_streams;
    return callbacks;
  }
};

const ngtcp2_callbacks& quic_callbacks() {
  static const ngtcp2_callbacks table = QuicCallbacks::table();
  return table;
}

}  // namespace forgepool::transport
