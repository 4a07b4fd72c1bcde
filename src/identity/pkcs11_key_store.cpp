#include <forgepool/backends/pkcs11_key_store.hpp>

#include "crypto/keys.hpp"
#include "identity/key_epochs.hpp"
#include "identity/pkcs11_module.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <mutex>

// PKCS#11 3.0; older headers do not have them.
#ifndef CKM_EC_EDWARDS_KEY_PAIR_GEN
#define CKM_EC_EDWARDS_KEY_PAIR_GEN 0x1055UL
#endif
#ifndef CKM_EDDSA
#define CKM_EDDSA 0x1057UL
#endif
#ifndef CKK_EC_EDWARDS
#define CKK_EC_EDWARDS 0x40UL
#endif

namespace forgepool {
namespace {

using identity::Pkcs11Session;

// Ours among other objects of the token; keys are labelled "forgepool token-2 1764092414", the time in seconds.
constexpr std::string_view application = "forgepool";

constexpr std::uint8_t p256_parameters[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::uint8_t ed25519_parameters[] = {0x06, 0x03, 0x2b, 0x65, 0x70};

/// Attributes point to their values; these stay where they are until the list is gone.
class AttributeList {
 public:
  AttributeList& number(CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
    return bytes(type, {reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
  }
  AttributeList& flag(CK_ATTRIBUTE_TYPE type, bool value) {
    const std::uint8_t one = value ? CK_TRUE : CK_FALSE;
    return bytes(type, {&one, 1});
  }
  AttributeList& text(CK_ATTRIBUTE_TYPE type, std::string_view value) { return bytes(type, as_bytes(value)); }
  AttributeList& bytes(CK_ATTRIBUTE_TYPE type, ByteView value) {
    values_.push_back(std::make_unique<Bytes>(value.begin(), value.end()));
    attributes_.push_back({type, values_.back()->data(), values_.back()->size()});
    return *this;
  }
  const std::vector<CK_ATTRIBUTE>& get() const { return attributes_; }

 private:
  std::vector<std::unique_ptr<Bytes>> values_;
  std::vector<CK_ATTRIBUTE> attributes_;
};

/// The session, one user at a time; signers keep it beyond their store.
struct SharedSession {
  std::mutex mutex;
  std::unique_ptr<Pkcs11Session> session;  ///< Guarded by mutex.
};

std::string label_of(const KeyId& id, Time made) {
  return fmt::format("{} {} {}", application, id.str(),
                     std::chrono::duration_cast<std::chrono::seconds>(made.time_since_epoch()).count());
}

std::optional<std::pair<KeyId, Time>> parse_label(std::string_view label) {
  if (!label.starts_with(application) || label.size() <= application.size()) return std::nullopt;
  label.remove_prefix(application.size() + 1);
  const auto space = label.find(' ');
  const auto id = KeyId::parse(label.substr(0, space));
  if (!id || space == label.npos) return std::nullopt;
  const auto digits = label.substr(space + 1);
  std::int64_t seconds = 0;
  const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  if (error != std::errc() || rest != digits.data() + digits.size()) return std::nullopt;
  return std::pair{*id, Time(std::chrono::seconds(seconds))};
}

class Pkcs11Signer final : public Signer {
 public:
  Pkcs11Signer(std::shared_ptr<SharedSession> session, CK_OBJECT_HANDLE key, PublicKey public_key)
      : session_(std::move(session)), key_(key), public_key_(std::move(public_key)) {}

  const PublicKey& public_key() const override { return public_key_; }

  Result<Bytes> sign(ByteView message) const override {
    const std::lock_guard lock(session_->mutex);
    if (public_key_.algorithm == KeyAlgorithm::ed25519) return session_->session->sign(key_, CKM_EDDSA, message);
    // CKM_ECDSA signs a digest, and gives r and s.
    const auto raw = session_->session->sign(key_, CKM_ECDSA, sha256(message).bytes);
    if (!raw) return fail(raw.error());
    return ecdsa_der_from_raw(*raw);
  }

 private:
  const std::shared_ptr<SharedSession> session_;
  const CK_OBJECT_HANDLE key_;
  const PublicKey public_key_;
};

class Pkcs11KeyStore final : public KeyStore {
 public:
  Pkcs11KeyStore(std::string token, std::unique_ptr<Pkcs11Session> session) : token_(std::move(token)) {
    session_->session = std::move(session);
  }

  std::string name() const override { return "the PKCS#11 token \"" + token_ + "\""; }

  Result<KeyInfo> generate(KeyPurpose purpose, Time now) override {
    const std::lock_guard lock(session_->mutex);
    auto ids = taken();
    if (!ids) return fail(ids.error());
    const KeyId id{purpose, identity::next_epoch(*ids, purpose)};
    const Time made = std::chrono::floor<std::chrono::seconds>(now);
    const bool edwards = algorithm_of(purpose) == KeyAlgorithm::ed25519;
    AttributeList public_half, private_half;
    public_half.number(CKA_CLASS, CKO_PUBLIC_KEY).flag(CKA_TOKEN, true).flag(CKA_PRIVATE, false).flag(CKA_VERIFY, true);
    public_half.text(CKA_ID, id.str()).text(CKA_LABEL, label_of(id, made));
    public_half.bytes(CKA_EC_PARAMS, edwards ? ByteView(ed25519_parameters) : ByteView(p256_parameters));
    private_half.number(CKA_CLASS, CKO_PRIVATE_KEY).flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true).flag(CKA_SIGN, true);
    private_half.flag(CKA_SENSITIVE, true).flag(CKA_EXTRACTABLE, false);
    private_half.text(CKA_ID, id.str()).text(CKA_LABEL, label_of(id, made));
    const auto made_pair = session_->session->generate_pair(edwards ? CKM_EC_EDWARDS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN,
                                                            public_half.get(), private_half.get());
    if (!made_pair) return fail(made_pair.error());
    auto key = public_key(id);
    if (!key) return fail(key.error());
    return KeyInfo{id, made, std::move(*key)};
  }

  Result<KeyInfo> adopt(KeyPurpose purpose, const std::shared_ptr<Signer>& key, Time) override {
    if (const auto checked = identity::check_adoptable(purpose, key); !checked) return fail(checked.error());
    return fail(ErrorKind::unsupported, "keys of a PKCS#11 token are made in it, and taken from nowhere else");
  }

  Result<std::vector<KeyInfo>> keys() const override {
    const std::lock_guard lock(session_->mutex);
    const auto objects = session_->session->find(AttributeList().number(CKA_CLASS, CKO_PRIVATE_KEY).get());
    if (!objects) return fail(objects.error());
    std::vector<KeyInfo> infos;
    for (const auto object : *objects) {
      const auto label = session_->session->attribute(object, CKA_LABEL);
      if (!label) return fail(label.error());
      const auto parsed = parse_label(as_text(*label));
      if (!parsed) continue;
      auto key = public_key(parsed->first);
      if (!key) return fail(key.error());
      infos.push_back({parsed->first, parsed->second, std::move(*key)});
    }
    std::ranges::sort(infos, {}, &KeyInfo::id);
    return infos;
  }

  Result<std::shared_ptr<Signer>> signer(const KeyId& id) const override {
    const std::lock_guard lock(session_->mutex);
    const auto object = one(CKO_PRIVATE_KEY, id);
    if (!object) return fail(object.error());
    auto key = public_key(id);
    if (!key) return fail(key.error());
    return std::make_shared<Pkcs11Signer>(session_, *object, std::move(*key));
  }

  Status destroy(const KeyId& id) override {
    const std::lock_guard lock(session_->mutex);
    const auto object = one(CKO_PRIVATE_KEY, id);
    if (!object) return fail(object.error());
    // The public half stays: it is what remembers the epoch. One is enough, and tokens are small.
    if (const auto gone = session_->session->destroy(*object); !gone) return gone;
    const auto ids = taken();
    if (!ids) return fail(ids.error());
    for (const auto& older : *ids) {
      if (older.purpose != id.purpose || older.epoch >= id.epoch || one(CKO_PRIVATE_KEY, older)) continue;
      const auto left = one(CKO_PUBLIC_KEY, older);
      if (!left) return fail(left.error());
      if (const auto gone = session_->session->destroy(*left); !gone) return gone;
    }
    return {};
  }

  Status put_text(std::string_view name, std::string_view text) override {
    if (const auto valid = identity::check_text_name(name); !valid) return valid;
    const std::lock_guard lock(session_->mutex);
    const auto found = texts(name);
    if (!found) return fail(found.error());
    if (!found->empty()) return fail(ErrorKind::conflict, std::string(name) + " exists already in " + this->name());
    return create_text(name, text);
  }

  Status replace_text(std::string_view name, std::string_view text) override {
    if (const auto valid = identity::check_text_name(name); !valid) return valid;
    const std::lock_guard lock(session_->mutex);
    const auto found = texts(name);
    if (!found) return fail(found.error());
    // The new one first: `text` reads the latest, so that a crash in between leaves one or the other.
    if (const auto created = create_text(name, text, found->empty() ? 1 : found->back().first + 1); !created) return created;
    for (const auto& [version, object] : *found)
      if (const auto gone = session_->session->destroy(object); !gone) return gone;
    return {};
  }

  Result<std::string> text(std::string_view name) const override {
    if (const auto valid = identity::check_text_name(name); !valid) return fail(valid.error());
    const std::lock_guard lock(session_->mutex);
    const auto found = texts(name);
    if (!found) return fail(found.error());
    if (found->empty()) return fail(ErrorKind::not_found, "no text named " + std::string(name) + " in " + this->name());
    const auto value = session_->session->attribute(found->back().second, CKA_VALUE);
    if (!value) return fail(value.error());
    return to_text(*value);
  }

 private:
  // All below with the mutex held.

  Result<CK_OBJECT_HANDLE> one(CK_OBJECT_CLASS kind, const KeyId& id) const {
    const auto objects = session_->session->find(AttributeList().number(CKA_CLASS, kind).text(CKA_ID, id.str()).get());
    if (!objects) return fail(objects.error());
    for (const auto object : *objects) {
      const auto label = session_->session->attribute(object, CKA_LABEL);
      if (label && parse_label(as_text(*label))) return object;
    }
    return fail(ErrorKind::not_found, "no key " + id.str() + " in " + name());
  }

  /// Those that ever were: their public halves.
  Result<std::vector<KeyId>> taken() const {
    const auto objects = session_->session->find(AttributeList().number(CKA_CLASS, CKO_PUBLIC_KEY).get());
    if (!objects) return fail(objects.error());
    std::vector<KeyId> ids;
    for (const auto object : *objects) {
      const auto label = session_->session->attribute(object, CKA_LABEL);
      if (!label) return fail(label.error());
      if (const auto parsed = parse_label(as_text(*label))) ids.push_back(parsed->first);
    }
    return ids;
  }

  Result<PublicKey> public_key(const KeyId& id) const {
    const auto object = one(CKO_PUBLIC_KEY, id);
    if (!object) return fail(object.error());
    const auto point = session_->session->attribute(*object, CKA_EC_POINT);
    if (!point) return fail(point.error());
    // A DER OCTET STRING; some tokens leave it out.
    ByteView raw = *point;
    if (raw.size() > 2 && raw[0] == 0x04 && raw[1] == raw.size() - 2) raw = raw.subspan(2);
    auto key = public_key_from_raw(algorithm_of(id.purpose), raw);
    if (!key) return fail(ErrorKind::corrupt, fmt::format("key {} in {} is none that its purpose has", id.str(), name()));
    return key;
  }

  static std::string text_label(std::string_view name, std::uint32_t version) {
    return fmt::format("{} text {} {}", application, name, version);
  }

  /// The objects of a text, by version: more than one only after a crash.
  Result<std::vector<std::pair<std::uint32_t, CK_OBJECT_HANDLE>>> texts(std::string_view name) const {
    const auto objects =
        session_->session->find(AttributeList().number(CKA_CLASS, CKO_DATA).text(CKA_APPLICATION, application).get());
    if (!objects) return fail(objects.error());
    const std::string prefix = fmt::format("{} text {} ", application, name);
    std::vector<std::pair<std::uint32_t, CK_OBJECT_HANDLE>> found;
    for (const auto object : *objects) {
      const auto label = session_->session->attribute(object, CKA_LABEL);
      if (!label) return fail(label.error());
      const auto text = as_text(*label);
      if (!text.starts_with(prefix)) continue;
      const auto digits = text.substr(prefix.size());
      std::uint32_t version = 0;
      if (std::from_chars(digits.data(), digits.data() + digits.size(), version).ec == std::errc())
        found.emplace_back(version, object);
    }
    std::ranges::sort(found);
    return found;
  }

  Status create_text(std::string_view name, std::string_view text, std::uint32_t version = 1) {
    return session_->session->create(AttributeList()
                                         .number(CKA_CLASS, CKO_DATA)
                                         .flag(CKA_TOKEN, true)
                                         .flag(CKA_PRIVATE, false)
                                         .text(CKA_APPLICATION, application)
                                         .text(CKA_LABEL, text_label(name, version))
                                         .text(CKA_VALUE, text)
                                         .get());
  }

  const std::string token_;
  const std::shared_ptr<SharedSession> session_ = std::make_shared<SharedSession>();
};

}  // namespace

Result<std::unique_ptr<KeyStore>> open_pkcs11_key_store(const Pkcs11KeyStoreOptions& options) {
  auto session = Pkcs11Session::open(options.module, options.token, options.pin);
  if (!session) return fail(session.error());
  for (const CK_MECHANISM_TYPE mechanism : {CK_MECHANISM_TYPE{CKM_EC_KEY_PAIR_GEN}, CK_MECHANISM_TYPE{CKM_ECDSA},
                                            CK_MECHANISM_TYPE{CKM_EC_EDWARDS_KEY_PAIR_GEN}, CK_MECHANISM_TYPE{CKM_EDDSA}})
    if (!(*session)->has_mechanism(mechanism))
      return fail(ErrorKind::unsupported,
                  fmt::format("the PKCS#11 token \"{}\" cannot do mechanism 0x{:x}; P-256 and Ed25519 are needed",
                              options.token, static_cast<unsigned long>(mechanism)));
  return std::make_unique<Pkcs11KeyStore>(options.token, std::move(*session));
}

}  // namespace forgepool
