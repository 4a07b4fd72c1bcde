#include "crypto/digest.hpp"
#include "crypto/hkdf.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;

TEST_CASE("SHA-256 gives the published digests") {
  CHECK(sha256("").hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc").str() == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a digest over pieces equals the digest over the whole") {
  Bytes data(1000);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::uint8_t>(i * 7);
  Sha256 hash;
  for (std::size_t at = 0, step = 1; at < data.size(); at += step, step = step % 97 + 1)
    hash.update(ByteView(data).subspan(at, std::min(step, data.size() - at)));
  const Sha256 snapshot = hash;
  CHECK(hash.finish() == sha256(data));
  CHECK(hash.finish() == sha256(""));  // As new after finish.
  CHECK(Sha256(snapshot).finish() == sha256(data));
}

TEST_CASE("a digest is read from its text forms and nothing else") {
  const auto digest = sha256("x");
  CHECK(Digest::parse(digest.str()) == digest);
  CHECK(Digest::parse(digest.hex()) == digest);
  for (const std::string& bad : {std::string(), std::string("sha256:"), digest.hex().substr(1), digest.hex() + "0",
                                 "sha1:" + digest.hex(), "SHA256:" + digest.hex(), std::string(64, 'G'), std::string(64, 'A')})
    CHECK(Digest::parse(bad).error().kind == ErrorKind::invalid_input);
}

TEST_CASE("HMAC-SHA-256 gives the digest of RFC 4231 test case 2") {
  CHECK(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?")).hex() ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("HKDF-SHA-256 gives the bytes of RFC 5869 test cases 1 and 3") {
  const Bytes secret(22, 0x0b);
  CHECK(to_hex(hkdf_sha256(secret, *from_hex("000102030405060708090a0b0c"), *from_hex("f0f1f2f3f4f5f6f7f8f9"), 42)) ==
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  CHECK(to_hex(hkdf_sha256(secret, {}, {}, 42)) ==
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}
