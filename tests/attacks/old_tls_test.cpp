// TLS 1.2 in QUIC's clothes. Our own library would not say it, so the first words are made by hand.
#include "raw_peer.hpp"

using namespace forgepool;
using namespace forgepool::attacks;
using namespace forgepool::transport;

namespace {

void put(Bytes& out, std::uint64_t value, int bytes) {
  while (bytes-- > 0) out.push_back(static_cast<std::uint8_t>(value >> 8 * bytes));
}
/// `content` behind its length.
void put_sized(Bytes& out, const Bytes& content, int length_bytes) {
  put(out, content.size(), length_bytes);
  out.insert(out.end(), content.begin(), content.end());
}
void put_extension(Bytes& out, std::uint16_t type, const Bytes& content) {
  put(out, type, 2);
  put_sized(out, content, 2);
}

/// RFC 5246, section 7.4.1.2, with what QUIC asks for and without the extension that names TLS 1.3.
Bytes tls12_hello() {
  Bytes extensions;
  put_extension(extensions, 10, {0, 2, 0, 29});        // X25519
  put_extension(extensions, 13, {0, 2, 4, 3});         // ECDSA with P-256 and SHA-256
  put_extension(extensions, 16, {0, 3, 2, 'h', '3'});  // ALPN
  put_extension(extensions, 57, {0x0f, 0});            // QUIC transport parameters: an empty id
  put_extension(extensions, 0xff01, {0});              // Renegotiation, please.
  Bytes body = {3, 3};
  body.insert(body.end(), 32, 0x42);
  put(body, 0, 1);
  put_sized(body, {0xc0, 0x2b, 0xc0, 0x2f}, 2);
  put_sized(body, {0}, 1);
  put_sized(body, extensions, 2);
  Bytes hello = {1};
  put_sized(hello, body, 3);
  return hello;
}

const Bytes& hello() {
  static const Bytes bytes = tls12_hello();
  return bytes;
}

struct OldClient {
  explicit OldClient(World& world)
      : path{must(SocketAddress::parse("127.0.0.1", 9)), must(SocketAddress::parse("127.0.0.1", world.hub->port()))} {
    ngtcp2_callbacks callbacks{};
    callbacks.client_initial = [](ngtcp2_conn* c, void*) {
      // What makes the keys for an id after a Retry also makes those for the first one, and without a TLS library.
      ngtcp2_pkt_hd header{};
      header.scid = *ngtcp2_conn_get_client_initial_dcid2(c);
      if (ngtcp2_crypto_recv_retry_cb(c, &header, nullptr) != 0) return static_cast<int>(NGTCP2_ERR_CALLBACK_FAILURE);
      return ngtcp2_conn_submit_crypto_data(c, NGTCP2_ENCRYPTION_LEVEL_INITIAL, hello().data(), hello().size());
    };
    callbacks.recv_crypto_data = [](ngtcp2_conn*, ngtcp2_encryption_level, std::uint64_t, const std::uint8_t*, std::size_t,
                                    void*) { return 0; };
    callbacks.recv_retry = ngtcp2_crypto_recv_retry_cb;
    callbacks.encrypt = ngtcp2_crypto_encrypt_cb;
    callbacks.decrypt = ngtcp2_crypto_decrypt_cb;
    callbacks.hp_mask = ngtcp2_crypto_hp_mask_cb;
    callbacks.update_key = ngtcp2_crypto_update_key_cb;
    callbacks.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
    callbacks.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
    callbacks.get_path_challenge_data2 = ngtcp2_crypto_get_path_challenge_data2_cb;
    callbacks.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
    callbacks.rand = [](std::uint8_t* out, std::size_t size, const ngtcp2_rand_ctx*) { RAND_bytes(out, size); };
    callbacks.get_new_connection_id2 = [](ngtcp2_conn*, ngtcp2_cid* id, ngtcp2_stateless_reset_token* token, std::size_t size,
                                          void*) {
      RAND_bytes(id->data, size);
      id->datalen = size;
      RAND_bytes(token->data, sizeof token->data);
      return 0;
    };
    ngtcp2_settings settings;
    ngtcp2_settings_default(&settings);
    settings.initial_ts = now(world);
    ngtcp2_transport_params parameters;
    ngtcp2_transport_params_default(&parameters);
    ngtcp2_cid theirs, ours;
    theirs.datalen = ours.datalen = 16;
    RAND_bytes(theirs.data, 16);
    RAND_bytes(ours.data, 16);
    ngtcp2_conn* made = nullptr;
    REQUIRE(ngtcp2_conn_client_new(&made, &theirs, &ours, &library_path, NGTCP2_PROTO_VER_V1, &callbacks, &settings,
                                   &parameters, nullptr, nullptr) == 0);
    connection.reset(made);
  }
  static ngtcp2_tstamp now(World& world) { return static_cast<ngtcp2_tstamp>(world.loop->now().time_since_epoch().count()); }

  Path path;
  ngtcp2_path library_path{{path.local.data(), path.local.size()}, {path.remote.data(), path.remote.size()}, nullptr};
  struct Deleter {
    void operator()(ngtcp2_conn* c) const { ngtcp2_conn_del(c); }
  };
  std::unique_ptr<ngtcp2_conn, Deleter> connection;
};

}  // namespace

TEST_CASE("who speaks TLS 1.2, or asks for renegotiation, is refused") {
  World world;
  OldClient client(world);
  Stranger wire(world, world.hub->port());
  Bytes datagram(1452);
  ngtcp2_pkt_info info{};
  const auto written = ngtcp2_conn_write_pkt(client.connection.get(), &client.library_path, &info, datagram.data(),
                                             datagram.size(), OldClient::now(world));
  REQUIRE(written >= 1200);
  datagram.resize(static_cast<std::size_t>(written));
  wire.send(datagram);
  world.run_until([&] { return !wire.answers.empty() && !world.log->refused_peers().empty(); });
  CHECK(world.log->refused_peers() == std::vector<std::string>{"it does not speak TLS 1.3"});
  const auto& answer = wire.answers.front();
  ngtcp2_conn* const connection = client.connection.get();
  CHECK(ngtcp2_conn_read_pkt(connection, &client.library_path, &info, answer.data(), answer.size(), OldClient::now(world)) ==
        NGTCP2_ERR_DRAINING);
  CHECK(ngtcp2_conn_get_ccerr2(connection)->error_code == NGTCP2_CRYPTO_ERROR + 70);  // The alert "protocol_version".
  world.honest_work_goes_on();
}
