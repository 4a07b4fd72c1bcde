#include "crypto/keys.hpp"
#include "crypto/random.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace forgepool;

TEST_CASE("a signature verifies with its key and message and with nothing else") {
  const auto algorithm = GENERATE(KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ed25519);
  const auto signer = *generate_key(algorithm), other = *generate_key(algorithm);
  const auto message = as_bytes("the message");
  const auto signature = *signer->sign(message);
  CHECK(verify_signature(signer->public_key(), message, signature));
  CHECK_FALSE(verify_signature(other->public_key(), message, signature));
  CHECK_FALSE(verify_signature(signer->public_key(), as_bytes("the messagf"), signature));
  for (std::size_t bit = 0; bit < signature.size() * 8; ++bit) {
    Bytes flipped = signature;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    CHECK_FALSE(verify_signature(signer->public_key(), message, flipped));
  }
  for (std::size_t size = 0; size < signature.size(); ++size)
    CHECK_FALSE(verify_signature(signer->public_key(), message, ByteView(signature).first(size)));
  Bytes longer = signature;
  longer.push_back(0);
  CHECK_FALSE(verify_signature(signer->public_key(), message, longer));
}

TEST_CASE("a P-256 signature verifies with the digest of its message and with nothing else") {
  const auto signer = *generate_key(KeyAlgorithm::ecdsa_p256), other = *generate_key(KeyAlgorithm::ecdsa_p256);
  const Digest digest = sha256("the message");
  auto signature = *signer->sign(as_bytes("the message"));
  CHECK(DigestVerifier(signer->public_key()).verify(digest, signature));
  CHECK_FALSE(DigestVerifier(other->public_key()).verify(digest, signature));
  CHECK_FALSE(DigestVerifier(signer->public_key()).verify(sha256("the messagf"), signature));
  CHECK_FALSE(DigestVerifier(signer->public_key()).verify(digest, {}));
  signature.push_back(0);
  CHECK_FALSE(DigestVerifier(signer->public_key()).verify(digest, signature));

  const auto ed25519 = *generate_key(KeyAlgorithm::ed25519);
  CHECK_FALSE(DigestVerifier(ed25519->public_key()).verify(digest, *ed25519->sign(digest.view())));
}

TEST_CASE("a key whose stated algorithm is not its own verifies nothing") {
  const auto signer = *generate_key(KeyAlgorithm::ed25519);
  const auto signature = *signer->sign(as_bytes("m"));
  PublicKey lie = signer->public_key();
  lie.algorithm = KeyAlgorithm::ecdsa_p256;
  CHECK_FALSE(verify_signature(lie, as_bytes("m"), signature));
}

TEST_CASE("the Ed25519 signature of RFC 8032 test 2 is reproduced") {
  const auto key = PrivateKey::from_raw(KeyAlgorithm::ed25519,
                                        *from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  REQUIRE(key);
  CHECK(to_hex(raw_public_key(key->public_key())) == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  CHECK(to_hex(*key->signer()->sign(Bytes{0x72})) ==
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d29"
        "1612bb0c00");
}

TEST_CASE("a private key survives its PEM form, and signatures of the copy verify with the original") {
  const auto algorithm = GENERATE(KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ed25519);
  const auto key = *PrivateKey::generate(algorithm);
  const auto pem = key.to_pem();
  CHECK(pem.text().starts_with("-----BEGIN PRIVATE KEY-----\n"));
  const auto again = PrivateKey::from_pem(pem.text());
  REQUIRE(again);
  CHECK(again->public_key() == key.public_key());
  CHECK(verify_signature(key.public_key(), as_bytes("m"), *again->signer()->sign(as_bytes("m"))));
  CHECK((*signer_from_pem(pem.text()))->public_key() == key.public_key());
}

TEST_CASE("a damaged or foreign PEM is refused and never crashes") {
  const auto algorithm = GENERATE(KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ed25519);
  const auto secret = PrivateKey::generate(algorithm)->to_pem();
  const std::string pem(secret.text());
  for (std::size_t size = 0; size + 1 < pem.size(); ++size) CHECK_FALSE(PrivateKey::from_pem(pem.substr(0, size)));
  CHECK_FALSE(PrivateKey::from_pem(pem + pem));
  CHECK_FALSE(PrivateKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
  CHECK_FALSE(PrivateKey::from_pem("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"));
}

TEST_CASE("a public key survives PEM and raw forms") {
  const auto algorithm = GENERATE(KeyAlgorithm::ecdsa_p256, KeyAlgorithm::ed25519);
  const auto key = PrivateKey::generate(algorithm)->public_key();
  CHECK(parse_public_key(key.spki) == key);
  CHECK(public_key_from_pem(public_key_to_pem(key)) == key);
  CHECK(public_key_from_raw(algorithm, raw_public_key(key)) == key);
}

TEST_CASE("a public key that is truncated, extended, off the curve or of another kind is refused") {
  const auto key = PrivateKey::generate(KeyAlgorithm::ecdsa_p256)->public_key();
  for (std::size_t size = 0; size < key.spki.size(); ++size) CHECK_FALSE(parse_public_key(ByteView(key.spki).first(size)));
  Bytes longer = key.spki;
  longer.push_back(0);
  CHECK_FALSE(parse_public_key(longer));
  Bytes off_curve = raw_public_key(key);
  off_curve.back() ^= 1;
  CHECK_FALSE(public_key_from_raw(KeyAlgorithm::ecdsa_p256, off_curve));
  const Bytes raw = raw_public_key(key);
  Bytes compressed(raw.begin(), raw.begin() + 33);
  compressed[0] = static_cast<std::uint8_t>(2 + (raw.back() & 1));
  CHECK_FALSE(public_key_from_raw(KeyAlgorithm::ecdsa_p256, compressed));
  // RSA, as OpenSSL writes it.
  CHECK_FALSE(
      public_key_from_pem("-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL4vpoH3H3byehjj7RAGxefGRATiq4mX\n"
                          "tzc9Q91W7uT0DTaFEbjzVch9aGsNjmLs4QHsoZbuoUmi0st4x5z9SQpTAgMBAAE=\n-----END PUBLIC KEY-----\n"));
}

TEST_CASE("ECDSA signatures convert between DER and r||s") {
  const auto signer = *generate_key(KeyAlgorithm::ecdsa_p256);
  const auto der = *signer->sign(as_bytes("m"));
  const auto raw = ecdsa_raw_from_der(der);
  REQUIRE(raw);
  CHECK(raw->size() == 64);
  CHECK(ecdsa_der_from_raw(*raw) == der);
  CHECK_FALSE(ecdsa_der_from_raw(ByteView(*raw).first(63)));
  CHECK_FALSE(ecdsa_raw_from_der(ByteView(der).first(der.size() - 1)));
}

TEST_CASE("private keys out of range are refused") {
  CHECK_FALSE(PrivateKey::from_raw(KeyAlgorithm::ecdsa_p256, Bytes(32, 0)));
  CHECK_FALSE(PrivateKey::from_raw(KeyAlgorithm::ecdsa_p256, Bytes(32, 0xff)));
  CHECK_FALSE(PrivateKey::from_raw(KeyAlgorithm::ecdsa_p256, Bytes(31, 1)));
  CHECK_FALSE(PrivateKey::from_raw(KeyAlgorithm::ed25519, Bytes(33, 1)));
}
