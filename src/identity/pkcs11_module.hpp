#pragma once
/// A PKCS#11 library and one session of a user with one of its tokens: what the key store does, as functions with results. Not
/// thread-safe: the store takes turns.
#include <forgepool/result.hpp>

#include <forgepool/bytes.hpp>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <p11-kit/pkcs11.h>
#pragma GCC diagnostic pop

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace forgepool::identity {

class Pkcs11Session {
 public:
  /// Errors as of open_pkcs11_key_store.
  static Result<std::unique_ptr<Pkcs11Session>> open(const std::string& module, const std::string& token,
                                                     const std::string& pin);
  ~Pkcs11Session();
  Pkcs11Session(const Pkcs11Session&) = delete;
  Pkcs11Session& operator=(const Pkcs11Session&) = delete;

  using Attributes = std::vector<CK_ATTRIBUTE>;
  Result<std::vector<CK_OBJECT_HANDLE>> find(Attributes wanted);
  /// The value of one attribute; `unavailable` if the token does not give it.
  Result<Bytes> attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
  Status create(Attributes attributes);
  Status destroy(CK_OBJECT_HANDLE object);
  Status generate_pair(CK_MECHANISM_TYPE mechanism, Attributes public_half, Attributes private_half);
  Result<Bytes> sign(CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE mechanism, ByteView message);
  bool has_mechanism(CK_MECHANISM_TYPE mechanism) const;

 private:
  Pkcs11Session(CK_FUNCTION_LIST* functions, CK_SLOT_ID slot, CK_SESSION_HANDLE session)
      : functions_(functions), slot_(slot), session_(session) {}

  CK_FUNCTION_LIST* const functions_;
  const CK_SLOT_ID slot_;
  const CK_SESSION_HANDLE session_;
};

}  // namespace forgepool::identity
