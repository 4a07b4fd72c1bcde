#include "identity/paseto.hpp"
#include "crypto/keys.hpp"
#include "hostile.hpp"
#include "wire/json.hpp"

#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <sstream>

using namespace forgepool;
using namespace forgepool::identity;

namespace {

std::string read_file(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

const std::string* text_of(const json::Object& test, std::string_view key) {
  const auto* value = test.find(key);
  return value ? value->as_string() : nullptr;
}

}  // namespace

TEST_CASE("every official v4.public vector passes") {
  const auto text = read_file(std::string(FORGEPOOL_VECTORS_DIR) + "/paseto/v4.json");
  if (text.empty()) SKIP("no test vectors");
  const auto document = *json::parse(text, 1u << 20);
  int signing = 0, failing = 0;
  for (const auto& item : *document.as_object()->find("tests")->as_array()) {
    const auto& test = *item.as_object();
    const std::string name = *text_of(test, "name");
    INFO(name);
    const std::string token = *text_of(test, "token"), assertion = *text_of(test, "implicit-assertion"),
                      footer = *text_of(test, "footer");
    if (name.starts_with("4-S-")) {
      ++signing;
      const auto key = *PrivateKey::from_raw(KeyAlgorithm::ed25519, *from_hex(*text_of(test, "secret-key-seed")));
      CHECK(to_hex(raw_public_key(key.public_key())) == *text_of(test, "public-key"));
      CHECK(PrivateKey::from_pem(*text_of(test, "secret-key-pem"))->public_key() == key.public_key());
      CHECK(public_key_from_pem(*text_of(test, "public-key-pem")) == key.public_key());
      CHECK(verify_token(token, key.public_key(), assertion) == *text_of(test, "payload"));
      CHECK(token_footer(token) == footer);
      CHECK(sign_token(*key.signer(), *text_of(test, "payload"), footer, assertion) == token);
      CHECK_FALSE(verify_token(token, key.public_key(), assertion + "x"));
    } else if (name.starts_with("4-F-")) {
      ++failing;
      for (const char* field : {"public-key", "key"}) {
        const auto* hex = text_of(test, field);
        if (!hex) continue;
        const auto key = public_key_from_raw(KeyAlgorithm::ed25519, *from_hex(*hex));
        if (key) CHECK_FALSE(verify_token(token, *key, assertion));
      }
    }
  }
  CHECK(signing == 3);
  CHECK(failing == 5);
}

TEST_CASE("no damaged token verifies") {
  const auto key = *generate_key(KeyAlgorithm::ed25519);
  for (const char* footer : {"", "{\"kid\":\"x\"}"}) {
    const auto token = *sign_token(*key, "{\"a\":1}", footer);
    CHECK(verify_token(token, key->public_key()) == "{\"a\":1}");
    test::for_each_damage(token, [&](const std::string& damaged) { return !verify_token(damaged, key->public_key()); });
  }
}

TEST_CASE("a token with its footer removed, added or replaced does not verify") {
  const auto key = *generate_key(KeyAlgorithm::ed25519);
  const auto with = *sign_token(*key, "{}", "one"), without = *sign_token(*key, "{}");
  CHECK_FALSE(verify_token(with.substr(0, with.rfind('.')), key->public_key()));
  CHECK_FALSE(verify_token(without + "." + to_base64url(as_bytes("one")), key->public_key()));
  CHECK_FALSE(verify_token(without + ".", key->public_key()));
  CHECK_FALSE(verify_token(with.substr(0, with.rfind('.')) + "." + to_base64url(as_bytes("two")), key->public_key()));
  CHECK_FALSE(verify_token(with + ".x", key->public_key()));
}

TEST_CASE("only Ed25519 keys sign and verify tokens") {
  const auto p256 = *generate_key(KeyAlgorithm::ecdsa_p256), ed25519 = *generate_key(KeyAlgorithm::ed25519);
  CHECK(sign_token(*p256, "{}").error().kind == ErrorKind::invalid_input);
  const auto token = *sign_token(*ed25519, "{}");
  CHECK_FALSE(verify_token(token, p256->public_key()));
  PublicKey lie = p256->public_key();
  lie.algorithm = KeyAlgorithm::ed25519;
  CHECK_FALSE(verify_token(token, lie));
}

TEST_CASE("tokens are bounded") {
  const auto key = *generate_key(KeyAlgorithm::ed25519);
  CHECK(sign_token(*key, std::string(max_token_bytes, ' ')).error().kind == ErrorKind::too_large);
  CHECK(verify_token("v4.public." + std::string(max_token_bytes, 'A'), key->public_key()).error().kind == ErrorKind::too_large);
  CHECK_FALSE(verify_token("", key->public_key()));
  CHECK_FALSE(verify_token("v4.public.", key->public_key()));
}
