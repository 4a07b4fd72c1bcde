#include "identity/dsse.hpp"
#include "crypto/keys.hpp"
#include "hostile.hpp"
#include "identity/key_id.hpp"
#include "wire/json.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace forgepool;
using namespace forgepool::identity;

namespace {
constexpr std::string_view type = "http://example.com/HelloWorld";
}

TEST_CASE("the pre-authentication encoding is that of the specification") {
  CHECK(to_text(pre_authentication_encoding(type, as_bytes("hello world"))) ==
        "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  CHECK(to_text(pre_authentication_encoding("", {})) == "DSSEv1 0  0 ");
}

TEST_CASE("the specification's P-256 vector verifies, once its r||s is turned into DER") {
  // DSSE 1.0.2, protocol.md; its numbers are in decimal there.
  const auto signer = PrivateKey::from_raw(KeyAlgorithm::ecdsa_p256,
                                           *from_hex("d73ec437fd6346e3619c5ebfdfff0f6916804955ad32ac9ac492b0ede1f6ffb7"));
  REQUIRE(signer);
  CHECK(to_hex(raw_public_key(signer->public_key())) ==
        "0467cd390f77aa359cb08c2235f652270493a9ed832b0abcc01f70954c0390d238"
        "0c782bd54e269125a44f4433aff1432ce94e12bca73aa67ac80cea12608ddf74");
  const auto envelope = parse_envelope(
      R"({"payload": "aGVsbG8gd29ybGQ=", "payloadType": "http://example.com/HelloWorld", "signatures": [{"sig": )"
      R"("A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]})");
  REQUIRE(envelope);
  CHECK(to_text(envelope->payload) == "hello world");
  auto converted = *envelope;
  converted.signatures[0].signature = *ecdsa_der_from_raw(envelope->signatures[0].signature);
  CHECK(verify_envelope(converted, type, signer->public_key()));
  CHECK_FALSE(verify_envelope(*envelope, type, signer->public_key()));  // We take DER and nothing else.
}

TEST_CASE("an envelope opens with the signer's key and the expected type only") {
  const auto algorithm = GENERATE(KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ed25519);
  const auto signer = *generate_key(algorithm), other = *generate_key(algorithm);
  const auto text = *sign_envelope(type, as_bytes("payload"), *signer);
  CHECK(open_envelope(text, type, signer->public_key()) == to_bytes("payload"));
  CHECK(open_envelope(text, type, other->public_key()).error().kind == ErrorKind::unauthenticated);
  CHECK(open_envelope(text, "text/plain", signer->public_key()).error().kind == ErrorKind::invalid_input);
  CHECK(parse_envelope(text)->signatures[0].key_id == key_id(signer->public_key()));
  CHECK(json::parse_canonical(text, max_envelope_bytes));
}

TEST_CASE("one valid signature among several is enough, whatever the key ids say") {
  const auto a = *generate_key(KeyAlgorithm::ecdsa_p256), b = *generate_key(KeyAlgorithm::ed25519);
  auto envelope = *parse_envelope(*sign_envelope(type, as_bytes("x"), *a));
  const auto second = *parse_envelope(*sign_envelope(type, as_bytes("x"), *b));
  envelope.signatures.push_back(second.signatures[0]);
  envelope.signatures[0].key_id = "anything";
  CHECK(verify_envelope(envelope, type, a->public_key()));
  CHECK(verify_envelope(envelope, type, b->public_key()));
  envelope.payload.push_back('y');
  CHECK_FALSE(verify_envelope(envelope, type, a->public_key()));
}

TEST_CASE("URL-safe base64 is accepted as the specification asks, a mixture is not") {
  const auto signer = *generate_key(KeyAlgorithm::ed25519);
  const Bytes payload{0xfb, 0xff, 0xfe, 0x01};  // "+//+AQ==" in base64
  const auto signature = *signer->sign(pre_authentication_encoding(type, payload));
  const auto envelope_with = [&](const std::string& encoded) {
    return json::canonicalize(json::Object{{"payload", encoded},
                                           {"payloadType", type},
                                           {"signatures", json::Array{json::Object{{"sig", to_base64url(signature)}}}}});
  };
  CHECK(open_envelope(envelope_with("+//+AQ=="), type, signer->public_key()) == payload);
  CHECK(open_envelope(envelope_with("-__-AQ=="), type, signer->public_key()) == payload);
  CHECK(open_envelope(envelope_with("-__-AQ"), type, signer->public_key()) == payload);
  for (const char* bad : {"+/_+AQ==", "+//+AQ", "-__-AQ=", "-__-AR==", "-__-AQ===", "-__-A", "!"})
    CHECK_FALSE(parse_envelope(envelope_with(bad)));
}

TEST_CASE("no damaged envelope opens to another payload") {
  const auto signer = *generate_key(KeyAlgorithm::ed25519);
  const auto text = *sign_envelope(type, as_bytes("payload"), *signer);
  test::for_each_damage(text, [&](const std::string& damaged) {
    const auto opened = open_envelope(damaged, type, signer->public_key());
    // White space and the key id are not signed; everything else is.
    return !opened || *opened == to_bytes("payload");
  });
}

TEST_CASE("malformed envelopes are refused with the place") {
  CHECK(parse_envelope("{}").error().kind == ErrorKind::invalid_input);
  CHECK(parse_envelope("[]").error().kind == ErrorKind::invalid_input);
  CHECK(parse_envelope(R"({"payload":"","payloadType":"t","signatures":[]})").error().message.find("/signatures") !=
        std::string::npos);
  CHECK(parse_envelope(R"({"payload":"","payloadType":"t","signatures":[{}]})").error().message.find("/signatures/0") !=
        std::string::npos);
  CHECK(parse_envelope(R"({"payload":"","payloadType":"t","signatures":[{"sig":"AA==","x":1}]})").error().message.find("/x") !=
        std::string::npos);
  CHECK(parse_envelope(R"({"payload":"","payload":"","payloadType":"t","signatures":[{"sig":"AA=="}]})").error().kind ==
        ErrorKind::invalid_input);
  CHECK(parse_envelope(std::string(max_envelope_bytes + 1, ' ')).error().kind == ErrorKind::too_large);
  const auto signer = *generate_key(KeyAlgorithm::ed25519);
  CHECK(sign_envelope(type, Bytes(max_envelope_bytes), *signer).error().kind == ErrorKind::too_large);
}
