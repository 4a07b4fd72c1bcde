#include "crypto/keys.hpp"

#include "crypto/boringssl.hpp"
#include "crypto/pem.hpp"

namespace forgepool {
namespace {

using Key = bssl::UniquePtr<EVP_PKEY>;

bool algorithm_of(const EVP_PKEY* key, KeyAlgorithm* algorithm) {
  if (EVP_PKEY_id(key) == EVP_PKEY_ED25519) {
    *algorithm = KeyAlgorithm::ed25519;
    return true;
  }
  if (EVP_PKEY_id(key) != EVP_PKEY_EC) return false;
  *algorithm = KeyAlgorithm::ecdsa_p256;
  return EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key))) == NID_X9_62_prime256v1;
}

Result<PublicKey> public_half(const EVP_PKEY* key) {
  PublicKey result;
  DerWriter writer;
  if (!algorithm_of(key, &result.algorithm))
    return fail(ErrorKind::invalid_input, "unsupported key: expected P-256 or Ed25519");
  if (!EVP_marshal_public_key(writer.get(), key)) return fail(ErrorKind::internal, "out of memory while encoding a public key");
  result.spki = writer.finish();
  return result;
}

Key parse_spki(ByteView spki) {
  CBS in = to_cbs(spki);
  Key key(EVP_parse_public_key(&in));
  return key && CBS_len(&in) == 0 ? std::move(key) : nullptr;
}

const EVP_MD* digest_for(KeyAlgorithm algorithm) {
  return algorithm == KeyAlgorithm::ecdsa_p256 ? EVP_sha256() : nullptr;
}

}  // namespace

Result<PublicKey> parse_public_key(ByteView spki) {
  constexpr std::size_t limit = 256;  // A P-256 key has 91 bytes.
  const Key key = spki.size() <= limit ? parse_spki(spki) : nullptr;
  if (!key)
    return fail(ErrorKind::invalid_input, "malformed public key: expected a DER SubjectPublicKeyInfo (P-256 or Ed25519)");
  auto result = public_half(key.get());
  // A second spelling of the same key (a compressed point, say) would have another pin.
  if (result && !same_bytes(result->spki, spki))
    return fail(ErrorKind::invalid_input, "public key is not in its canonical DER form (uncompressed point)");
  return result;
}

bool verify_signature(const PublicKey& key, ByteView message, ByteView signature) {
  const Key parsed = parse_spki(key.spki);
  KeyAlgorithm algorithm;
  if (!parsed || !algorithm_of(parsed.get(), &algorithm) || algorithm != key.algorithm) return false;
  bssl::ScopedEVP_MD_CTX context;
  return EVP_DigestVerifyInit(context.get(), nullptr, digest_for(algorithm), nullptr, parsed.get()) &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size());
}

struct DigestVerifier::Parsed {
  Key key;
};

DigestVerifier::DigestVerifier(const PublicKey& key) {
  Key parsed = parse_spki(key.spki);
  KeyAlgorithm algorithm;
  if (parsed && algorithm_of(parsed.get(), &algorithm) && algorithm == key.algorithm && algorithm == KeyAlgorithm::ecdsa_p256)
    key_ = std::make_shared<const Parsed>(std::move(parsed));
}

bool DigestVerifier::verify(const Digest& digest, ByteView signature) const {
  return key_ && ECDSA_verify(0, digest.bytes.data(), digest.bytes.size(), signature.data(), signature.size(),
                              EVP_PKEY_get0_EC_KEY(key_->key.get())) == 1;
}

/// Thread-safe: BoringSSL only counts references of a key that is signed with.
class PrivateKey::Held final : public Signer {
 public:
  Held(Key key, PublicKey public_key) : key_(std::move(key)), public_key_(std::move(public_key)) {}

  const PublicKey& public_key() const override { return public_key_; }

  Result<Bytes> sign(ByteView message) const override {
    bssl::ScopedEVP_MD_CTX context;
    std::size_t size = 0;
    Bytes signature;
    if (!EVP_DigestSignInit(context.get(), nullptr, digest_for(public_key_.algorithm), nullptr, key_.get()) ||
        !EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()))
      return fail(ErrorKind::internal, "signing failed");
    signature.resize(size);
    if (!EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()))
      return fail(ErrorKind::internal, "signing failed");
    signature.resize(size);
    return signature;
  }

  const EVP_PKEY* key() const { return key_.get(); }

 private:
  const Key key_;
  const PublicKey public_key_;
};

struct PrivateKeyAccess {
  static Result<PrivateKey> hold(Key key) {
    auto half = public_half(key.get());
    if (!half) return fail(half.error());
    return PrivateKey(std::make_shared<PrivateKey::Held>(std::move(key), std::move(*half)));
  }
  static Result<PrivateKey> hold_ec(bssl::UniquePtr<EC_KEY> ec) {
    Key key(EVP_PKEY_new());
    if (!key || !EVP_PKEY_set1_EC_KEY(key.get(), ec.get()))
      return fail(ErrorKind::internal, "out of memory while making a key");
    return hold(std::move(key));
  }
};

Result<PrivateKey> PrivateKey::generate(KeyAlgorithm algorithm) {
  if (algorithm == KeyAlgorithm::ecdsa_p256) {
    bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
    if (!ec || !EC_KEY_generate_key(ec.get())) return fail(ErrorKind::internal, "making a P-256 key failed");
    return PrivateKeyAccess::hold_ec(std::move(ec));
  }
  bssl::UniquePtr<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || !EVP_PKEY_keygen_init(context.get()) || !EVP_PKEY_keygen(context.get(), &key))
    return fail(ErrorKind::internal, "making an Ed25519 key failed");
  return PrivateKeyAccess::hold(Key(key));
}

Result<PrivateKey> PrivateKey::from_raw(KeyAlgorithm algorithm, ByteView raw) {
  const auto refuse = [] { return fail(ErrorKind::invalid_input, "malformed private key: expected 32 bytes in range"); };
  if (raw.size() != 32) return refuse();
  if (algorithm == KeyAlgorithm::ed25519) {
    Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw.data(), raw.size()));
    return key ? PrivateKeyAccess::hold(std::move(key)) : Result<PrivateKey>(refuse());
  }
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<BIGNUM> scalar(BN_bin2bn(raw.data(), raw.size(), nullptr));
  if (!ec || !scalar || !EC_KEY_set_private_key(ec.get(), scalar.get())) return refuse();
  const EC_GROUP* group = EC_KEY_get0_group(ec.get());
  bssl::UniquePtr<EC_POINT> point(EC_POINT_new(group));
  if (!point || !EC_POINT_mul(group, point.get(), scalar.get(), nullptr, nullptr, nullptr) ||
      !EC_KEY_set_public_key(ec.get(), point.get()) || !EC_KEY_check_key(ec.get()))
    return refuse();
  BN_clear(scalar.get());
  return PrivateKeyAccess::hold_ec(std::move(ec));
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  auto blocks = forgepool::from_pem("PRIVATE KEY", pem);
  if (!blocks) return fail(blocks.error());
  Key key;
  if (blocks->size() == 1) {
    CBS in = to_cbs(blocks->front());
    key.reset(EVP_parse_private_key(&in));
    if (CBS_len(&in) != 0) key.reset();
  }
  for (auto& block : *blocks) wipe(block);
  if (!key)
    return fail(ErrorKind::invalid_input, "malformed private key: expected one unencrypted PKCS#8 key (P-256 or Ed25519)");
  return PrivateKeyAccess::hold(std::move(key));
}

Result<PrivateKey> PrivateKey::of(std::shared_ptr<const Signer> signer) {
  auto held = std::dynamic_pointer_cast<const Held>(std::move(signer));
  if (!held) return fail(ErrorKind::unsupported, "this key cannot be exported: it is not in this process's memory");
  return PrivateKey(std::move(held));
}

SecretBytes PrivateKey::to_pem() const {
  DerWriter writer;
  if (!EVP_marshal_private_key(writer.get(), held_->key())) return {};
  const SecretBytes der(writer.finish());
  std::string text = forgepool::to_pem("PRIVATE KEY", der.view());
  SecretBytes pem(to_bytes(text));
  wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return pem;
}

const PublicKey& PrivateKey::public_key() const {
  return held_->public_key();
}
std::shared_ptr<Signer> PrivateKey::signer() const {
  return std::const_pointer_cast<Held>(held_);
}

Result<std::shared_ptr<Signer>> generate_key(KeyAlgorithm algorithm) {
  return PrivateKey::generate(algorithm).map([](const PrivateKey& key) { return key.signer(); });
}

Result<std::shared_ptr<Signer>> signer_from_pem(std::string_view pem) {
  return PrivateKey::from_pem(pem).map([](const PrivateKey& key) { return key.signer(); });
}

std::string public_key_to_pem(const PublicKey& key) {
  return to_pem("PUBLIC KEY", key.spki);
}

Result<PublicKey> public_key_from_pem(std::string_view pem) {
  const auto blocks = from_pem("PUBLIC KEY", pem);
  if (!blocks) return fail(blocks.error());
  if (blocks->size() != 1) return fail(ErrorKind::invalid_input, "expected one PEM block \"PUBLIC KEY\"");
  return parse_public_key(blocks->front());
}

Bytes raw_public_key(const PublicKey& key) {
  // Both kinds end with the BIT STRING that holds the key.
  const std::size_t size = key.algorithm == KeyAlgorithm::ed25519 ? 32 : 65;
  if (key.spki.size() < size) return {};
  return {key.spki.end() - static_cast<std::ptrdiff_t>(size), key.spki.end()};
}

Result<PublicKey> public_key_from_raw(KeyAlgorithm algorithm, ByteView raw) {
  DerWriter writer;
  CBB spki, identifier, bits;
  constexpr std::uint8_t ec_public_key[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
  constexpr std::uint8_t p256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
  if (!CBB_add_asn1(writer.get(), &spki, CBS_ASN1_SEQUENCE) || !CBB_add_asn1(&spki, &identifier, CBS_ASN1_SEQUENCE) ||
      !(algorithm == KeyAlgorithm::ed25519 ? add_oid(&identifier, oid::ed25519)
                                           : add_oid(&identifier, ec_public_key) && add_oid(&identifier, p256)) ||
      !CBB_add_asn1(&spki, &bits, CBS_ASN1_BITSTRING) || !CBB_add_u8(&bits, 0) || !CBB_add_bytes(&bits, raw.data(), raw.size()))
    return fail(ErrorKind::internal, "out of memory while encoding a public key");
  return parse_public_key(writer.finish());
}

Result<Bytes> ecdsa_der_from_raw(ByteView raw) {
  bssl::UniquePtr<ECDSA_SIG> signature(ECDSA_SIG_new());
  if (raw.size() != 64) return fail(ErrorKind::invalid_input, "malformed P-256 signature: expected the 64 bytes r‖s");
  DerWriter writer;
  if (!signature || !BN_bin2bn(raw.data(), 32, signature->r) || !BN_bin2bn(raw.data() + 32, 32, signature->s) ||
      !ECDSA_SIG_marshal(writer.get(), signature.get()))
    return fail(ErrorKind::internal, "out of memory while encoding a signature");
  return writer.finish();
}

Result<Bytes> ecdsa_raw_from_der(ByteView der) {
  const bssl::UniquePtr<ECDSA_SIG> signature(ECDSA_SIG_from_bytes(der.data(), der.size()));
  Bytes raw(64);
  if (!signature || !BN_bn2bin_padded(raw.data(), 32, signature->r) || !BN_bn2bin_padded(raw.data() + 32, 32, signature->s))
    return fail(ErrorKind::invalid_input, "malformed P-256 signature: expected DER");
  return raw;
}

}  // namespace forgepool
