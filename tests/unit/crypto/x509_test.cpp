#include "crypto/x509.hpp"
#include "crypto/reason.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;
using namespace std::chrono_literals;

namespace {

const Time now = *from_rfc3339("2026-01-31T08:15:00Z");

struct Authority {
  std::shared_ptr<Signer> key = *generate_key(KeyAlgorithm::ecdsa_p256);
  Certificate certificate;

  explicit Authority(std::string name = "test CA", std::uint32_t path_length = 0) {
    certificate = *parse_certificate(*make_ca_certificate(*key, {std::move(name), now - 1h, now + 24h * 365, path_length}));
  }
};

CertificateFields leaf_fields() {
  CertificateFields fields;
  fields.not_before = now - 5min;
  fields.not_after = now + 1h;
  fields.key_usage = key_usage::digital_signature;
  fields.extended_key_usage = {std::string(eku_server_auth), std::string(eku_client_auth)};
  fields.uri_names = {"spiffe://example.org/agent/a-1"};
  return fields;
}

std::string code_of(const Result<Certificate>& result) {
  return result ? "" : std::string(reason_code(result.error()));
}

}  // namespace

TEST_CASE("a certificate says what it was made to say") {
  const Authority ca;
  const auto key = *generate_key(KeyAlgorithm::ed25519);
  auto fields = leaf_fields();
  fields.common_name = "leaf";
  fields.dns_names = {"hub.example.org"};
  fields.ip_addresses = {{127, 0, 0, 1}};
  const auto made = parse_certificate(*make_certificate(ca.certificate, *ca.key, key->public_key(), fields));
  REQUIRE(made);
  CHECK(made->key == key->public_key());
  CHECK(made->fields.common_name == "leaf");
  CHECK(made->fields.not_before == fields.not_before);
  CHECK(made->fields.not_after == fields.not_after);
  CHECK_FALSE(made->fields.is_ca);
  CHECK(made->fields.key_usage == key_usage::digital_signature);
  CHECK(made->fields.extended_key_usage == fields.extended_key_usage);
  CHECK(made->fields.uri_names == fields.uri_names);
  CHECK(made->fields.dns_names == fields.dns_names);
  CHECK(made->fields.ip_addresses == fields.ip_addresses);
  CHECK_FALSE(made->has_other_names);
  CHECK(made->issuer == ca.certificate.subject);
  CHECK(made->authority_key_id == ca.certificate.subject_key_id);
  CHECK(is_signed_by(*made, ca.key->public_key()));
  CHECK(made->serial.size() <= 16);
  CHECK(made->serial.size() >= 12);
}

TEST_CASE("a CA certificate is self-signed, may sign certificates and has a random serial number") {
  const Authority ca;
  CHECK(ca.certificate.fields.is_ca);
  CHECK(ca.certificate.fields.path_length == 0u);
  CHECK(ca.certificate.fields.key_usage == (key_usage::key_cert_sign | key_usage::crl_sign));
  CHECK(ca.certificate.subject == ca.certificate.issuer);
  CHECK(ca.certificate.subject_key_id == ca.certificate.authority_key_id);
  CHECK(is_signed_by(ca.certificate, ca.key->public_key()));
  CHECK(ca.certificate.serial != Authority().certificate.serial);
}

TEST_CASE("certificate times are right on both sides of 2050 and before 2000") {
  const auto key = *generate_key(KeyAlgorithm::ecdsa_p256);
  for (const char* text : {"1999-12-31T23:59:59Z", "2049-12-31T23:59:59Z", "2050-01-01T00:00:00Z", "2199-02-28T12:00:00Z"}) {
    const auto time = *from_rfc3339(text);
    const auto made = parse_certificate(*make_ca_certificate(*key, {"ca", time, time + 1s, 0}));
    REQUIRE(made);
    CHECK(made->fields.not_before == time);
    CHECK(made->fields.not_after == time + 1s);
  }
}

TEST_CASE("a chain is accepted from the first to the last second of its validity") {
  const Authority ca;
  const auto key = *generate_key(KeyAlgorithm::ecdsa_p256);
  const auto fields = leaf_fields();
  const auto leaf = *make_certificate(ca.certificate, *ca.key, key->public_key(), fields);
  CHECK(verify_chain({leaf}, ca.certificate, fields.not_before));
  CHECK(verify_chain({leaf}, ca.certificate, fields.not_after + 999ms));
  CHECK(code_of(verify_chain({leaf}, ca.certificate, fields.not_before - 1ns)) == "certificate_not_yet_valid");
  CHECK(code_of(verify_chain({leaf}, ca.certificate, fields.not_after + 1s)) == "certificate_expired");
  CHECK(verify_chain({leaf, ca.certificate.der}, ca.certificate, now));  // A peer that sends the root as well.
}

TEST_CASE("a certificate never outlives its CA") {
  const Authority ca;
  auto fields = leaf_fields();
  fields.not_before = now - 24h;
  fields.not_after = now + 24h * 4000;
  const auto leaf = *parse_certificate(*make_certificate(ca.certificate, *ca.key, ca.key->public_key(), fields));
  CHECK(leaf.fields.not_after == ca.certificate.fields.not_after);
  CHECK(leaf.fields.not_before == ca.certificate.fields.not_before);
}

TEST_CASE("chains that do not lead to the root are refused, each for its reason") {
  const Authority ca, same_name, other("other CA");
  const auto key = *generate_key(KeyAlgorithm::ecdsa_p256);
  const auto leaf = *make_certificate(ca.certificate, *ca.key, key->public_key(), leaf_fields());
  CHECK(code_of(verify_chain({}, ca.certificate, now)) == "chain_length");
  CHECK(code_of(verify_chain({leaf, leaf, leaf, leaf, leaf}, ca.certificate, now)) == "chain_length");
  CHECK(code_of(verify_chain({Bytes{1, 2, 3}}, ca.certificate, now)) == "chain_malformed");
  CHECK(code_of(verify_chain({leaf}, other.certificate, now)) == "chain_issuer");
  CHECK(code_of(verify_chain({leaf}, same_name.certificate, now)) == "chain_issuer");
  CHECK(code_of(verify_chain({leaf, same_name.certificate.der}, same_name.certificate, now)) == "chain_issuer");
  CHECK(code_of(verify_chain({leaf}, ca.certificate, now + 24h * 366)) == "certificate_expired");

  // Right name and key identifier, but signed by somebody else.
  Certificate impostor = ca.certificate;
  impostor.key = other.key->public_key();
  const auto forged = *make_certificate(impostor, *other.key, key->public_key(), leaf_fields());
  CHECK(code_of(verify_chain({forged}, ca.certificate, now)) == "chain_signature");
}

TEST_CASE("a leaf cannot act as a CA, and a CA only within its path length") {
  const Authority flat, deep("deep CA", 1);
  const auto middle_key = *generate_key(KeyAlgorithm::ecdsa_p256), key = *generate_key(KeyAlgorithm::ecdsa_p256);
  CertificateFields middle_fields;
  middle_fields.common_name = "middle";
  middle_fields.not_before = now - 1h;
  middle_fields.not_after = now + 2h;
  middle_fields.is_ca = true;
  middle_fields.path_length = 0;
  middle_fields.key_usage = key_usage::key_cert_sign;
  const auto chain_below = [&](const Authority& root, const CertificateFields& fields) {
    const auto middle_der = *make_certificate(root.certificate, *root.key, middle_key->public_key(), fields);
    auto middle = *parse_certificate(middle_der);
    middle.fields.is_ca = true;  // Only so that make_certificate lets us forge one.
    return std::vector<Bytes>{*make_certificate(middle, *middle_key, key->public_key(), leaf_fields()), middle_der};
  };
  CHECK(verify_chain(chain_below(deep, middle_fields), deep.certificate, now));
  CHECK(code_of(verify_chain(chain_below(flat, middle_fields), flat.certificate, now)) == "issuer_not_ca");
  auto not_ca = middle_fields;
  not_ca.is_ca = false;
  not_ca.path_length.reset();
  CHECK(code_of(verify_chain(chain_below(deep, not_ca), deep.certificate, now)) == "issuer_not_ca");
  auto no_signing = middle_fields;
  no_signing.key_usage = key_usage::digital_signature;
  CHECK(code_of(verify_chain(chain_below(deep, no_signing), deep.certificate, now)) == "issuer_not_ca");
}

TEST_CASE("no truncated or bit-flipped certificate verifies, and none crashes the parser") {
  const Authority ca;
  const auto key = *generate_key(KeyAlgorithm::ecdsa_p256);
  const auto leaf = *make_certificate(ca.certificate, *ca.key, key->public_key(), leaf_fields());
  for (std::size_t size = 0; size < leaf.size(); ++size) CHECK_FALSE(parse_certificate(ByteView(leaf).first(size)));
  Bytes longer = leaf;
  longer.push_back(0);
  CHECK_FALSE(parse_certificate(longer));
  for (std::size_t bit = 0; bit < leaf.size() * 8; ++bit) {
    Bytes flipped = leaf;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    CHECK_FALSE(verify_chain({flipped}, ca.certificate, now));
  }
  CHECK(parse_certificate(Bytes(17 * 1024)).error().kind == ErrorKind::too_large);
}

TEST_CASE("fields that cannot stand in a certificate are refused") {
  const Authority ca;
  const auto refused = [&](auto change) {
    auto fields = leaf_fields();
    change(fields);
    const auto result = make_certificate(ca.certificate, *ca.key, ca.key->public_key(), fields);
    return !result && result.error().kind == ErrorKind::invalid_input;
  };
  CHECK(refused([](auto& f) { f.uri_names = {"spiffe://a/b\n"}; }));
  CHECK(refused([](auto& f) { f.uri_names = {std::string("spiffe://a\0b", 12)}; }));
  CHECK(refused([](auto& f) { f.dns_names = {""}; }));
  CHECK(refused([](auto& f) { f.common_name = std::string(65, 'x'); }));
  CHECK(refused([](auto& f) { f.ip_addresses = {{1, 2, 3}}; }));
  CHECK(refused([](auto& f) { f.extended_key_usage = {"not an oid"}; }));
  CHECK(refused([](auto& f) { f.path_length = 1; }));
  CHECK(refused([](auto& f) { f.not_after = f.not_before - 1s; }));
  const auto stranger = *generate_key(KeyAlgorithm::ecdsa_p256);
  CHECK_FALSE(make_certificate(ca.certificate, *stranger, stranger->public_key(), leaf_fields()));
}

TEST_CASE("a certificate request proves possession of its key") {
  for (const auto algorithm : {KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ed25519}) {
    const auto key = *generate_key(algorithm);
    const auto der = *make_certificate_request(*key, "wishes");
    const auto request = parse_certificate_request(der);
    REQUIRE(request);
    CHECK(request->key == key->public_key());
    CHECK(certificate_request_from_pem(certificate_request_to_pem(der)) == der);
  }
}

TEST_CASE("no truncated or bit-flipped certificate request is accepted") {
  const auto key = *generate_key(KeyAlgorithm::ecdsa_p256);
  const auto der = *make_certificate_request(*key);
  for (std::size_t size = 0; size < der.size(); ++size) CHECK_FALSE(parse_certificate_request(ByteView(der).first(size)));
  for (std::size_t bit = 0; bit < der.size() * 8; ++bit) {
    Bytes flipped = der;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    CHECK_FALSE(parse_certificate_request(flipped));
  }
}

TEST_CASE("certificates survive PEM, several in one text in their order") {
  const Authority a, b;
  const auto text = "comment\n" + certificate_to_pem(a.certificate.der) + certificate_to_pem(b.certificate.der);
  CHECK(certificate_chain_from_pem(text) == std::vector<Bytes>{a.certificate.der, b.certificate.der});
  CHECK_FALSE(certificate_from_pem(text));
  CHECK(certificate_from_pem(certificate_to_pem(a.certificate.der))->der == a.certificate.der);
}
