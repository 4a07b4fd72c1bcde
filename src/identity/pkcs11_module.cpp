#include "identity/pkcs11_module.hpp"

#include <fmt/core.h>

#include <dlfcn.h>

namespace forgepool::identity {
namespace {

constexpr std::size_t max_attribute_bytes = 1u << 20;

tl::unexpected<Error> failed(std::string_view what, CK_RV code) {
  const ErrorKind kind = code == CKR_PIN_INCORRECT || code == CKR_PIN_LEN_RANGE || code == CKR_PIN_LOCKED ? ErrorKind::denied
                         : code == CKR_MECHANISM_INVALID || code == CKR_CURVE_NOT_SUPPORTED ? ErrorKind::unsupported
                                                                                            : ErrorKind::unavailable;
  const std::string_view hint = code == CKR_PIN_INCORRECT || code == CKR_PIN_LEN_RANGE ? " (the PIN is wrong)"
                                : code == CKR_PIN_LOCKED ? " (the PIN is locked: unlock it with the token's tools)"
                                                         : "";
  return fail(kind,
              fmt::format("the PKCS#11 token could not {}: error 0x{:x}{}", what, static_cast<unsigned long>(code), hint));
}

/// The library's functions, initialised.
Result<CK_FUNCTION_LIST*> load(const std::string& module) {
  // Never unloaded: it may have threads, and others in this process may use it.
  void* const library = ::dlopen(module.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* const why = ::dlerror();
    return fail(ErrorKind::not_found,
                fmt::format("cannot load the PKCS#11 library {}: {}", module, why ? why : "unknown reason"));
  }
  const auto get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  CK_FUNCTION_LIST* functions = nullptr;
  if (!get || get(&functions) != CKR_OK || !functions)
    return fail(ErrorKind::unsupported, module + " is not a PKCS#11 library");
  CK_C_INITIALIZE_ARGS arguments{};
  arguments.flags = CKF_OS_LOCKING_OK;
  const CK_RV initialised = functions->C_Initialize(&arguments);
  if (initialised != CKR_OK && initialised != CKR_CRYPTOKI_ALREADY_INITIALIZED) return failed("start", initialised);
  return functions;
}

Result<CK_SLOT_ID> find_slot(CK_FUNCTION_LIST* functions, const std::string& label) {
  CK_ULONG count = 0;
  if (const CK_RV code = functions->C_GetSlotList(CK_TRUE, nullptr, &count); code != CKR_OK)
    return failed("list its slots", code);
  std::vector<CK_SLOT_ID> slots(count);
  if (const CK_RV code = functions->C_GetSlotList(CK_TRUE, slots.data(), &count); code != CKR_OK)
    return failed("list its slots", code);
  slots.resize(count);
  for (const CK_SLOT_ID slot : slots) {
    CK_TOKEN_INFO info{};
    if (functions->C_GetTokenInfo(slot, &info) != CKR_OK) continue;
    std::string_view name(reinterpret_cast<const char*>(info.label), sizeof info.label);
    name = name.substr(0, name.find_last_not_of(' ') + 1);
    if (name == label && (info.flags & CKF_TOKEN_INITIALIZED)) return slot;
  }
  return fail(ErrorKind::not_found,
              fmt::format("no PKCS#11 token is labelled \"{}\": initialise one with the token's tools", label));
}

}  // namespace

Result<std::unique_ptr<Pkcs11Session>> Pkcs11Session::open(const std::string& module, const std::string& token,
                                                           const std::string& pin) {
  const auto functions = load(module);
  if (!functions) return fail(functions.error());
  const auto slot = find_slot(*functions, token);
  if (!slot) return fail(slot.error());
  CK_SESSION_HANDLE handle = 0;
  if (const CK_RV code = (*functions)->C_OpenSession(*slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &handle);
      code != CKR_OK)
    return failed("open a session", code);
  std::unique_ptr<Pkcs11Session> session(new Pkcs11Session(*functions, *slot, handle));
  std::string text = pin;
  const CK_RV code = (*functions)->C_Login(handle, CKU_USER, reinterpret_cast<CK_UTF8CHAR*>(text.data()), text.size());
  if (code != CKR_OK && code != CKR_USER_ALREADY_LOGGED_IN) return failed("log the user in", code);
  return session;
}

Pkcs11Session::~Pkcs11Session() {
  functions_->C_CloseSession(session_);
}

Result<std::vector<CK_OBJECT_HANDLE>> Pkcs11Session::find(Attributes wanted) {
  if (const CK_RV code = functions_->C_FindObjectsInit(session_, wanted.data(), wanted.size()); code != CKR_OK)
    return failed("search", code);
  std::vector<CK_OBJECT_HANDLE> found;
  for (;;) {
    CK_OBJECT_HANDLE handles[64];
    CK_ULONG count = 0;
    const CK_RV code = functions_->C_FindObjects(session_, handles, std::size(handles), &count);
    if (code != CKR_OK || count == 0) {
      functions_->C_FindObjectsFinal(session_);
      if (code != CKR_OK) return failed("search", code);
      return found;
    }
    found.insert(found.end(), handles, handles + count);
  }
}

Result<Bytes> Pkcs11Session::attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
  CK_ATTRIBUTE one{type, nullptr, 0};
  CK_RV code = functions_->C_GetAttributeValue(session_, object, &one, 1);
  if (code != CKR_OK || one.ulValueLen == CK_UNAVAILABLE_INFORMATION || one.ulValueLen > max_attribute_bytes)
    return failed("show an attribute", code);
  Bytes value(one.ulValueLen);
  one.pValue = value.data();
  code = functions_->C_GetAttributeValue(session_, object, &one, 1);
  if (code != CKR_OK) return failed("show an attribute", code);
  value.resize(one.ulValueLen);
  return value;
}

Status Pkcs11Session::create(Attributes attributes) {
  CK_OBJECT_HANDLE object = 0;
  if (const CK_RV code = functions_->C_CreateObject(session_, attributes.data(), attributes.size(), &object); code != CKR_OK)
    return failed("keep an object", code);
  return {};
}

Status Pkcs11Session::destroy(CK_OBJECT_HANDLE object) {
  if (const CK_RV code = functions_->C_DestroyObject(session_, object); code != CKR_OK)
    return failed("destroy an object", code);
  return {};
}

Status Pkcs11Session::generate_pair(CK_MECHANISM_TYPE type, Attributes public_half, Attributes private_half) {
  CK_MECHANISM mechanism{type, nullptr, 0};
  CK_OBJECT_HANDLE public_key = 0, private_key = 0;
  const CK_RV code = functions_->C_GenerateKeyPair(session_, &mechanism, public_half.data(), public_half.size(),
                                                   private_half.data(), private_half.size(), &public_key, &private_key);
  if (code != CKR_OK) return failed("make a key", code);
  return {};
}

Result<Bytes> Pkcs11Session::sign(CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type, ByteView message) {
  CK_MECHANISM mechanism{type, nullptr, 0};
  if (const CK_RV code = functions_->C_SignInit(session_, &mechanism, key); code != CKR_OK) return failed("sign", code);
  Bytes signature(256);
  CK_ULONG size = signature.size();
  const CK_RV code =
      functions_->C_Sign(session_, const_cast<CK_BYTE*>(message.data()), message.size(), signature.data(), &size);
  if (code != CKR_OK) return failed("sign", code);
  signature.resize(size);
  return signature;
}

bool Pkcs11Session::has_mechanism(CK_MECHANISM_TYPE mechanism) const {
  CK_MECHANISM_INFO info{};
  return functions_->C_GetMechanismInfo(slot_, mechanism, &info) == CKR_OK;
}

}  // namespace forgepool::identity
