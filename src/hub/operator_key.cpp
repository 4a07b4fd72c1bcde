#include "hub/operator_key.hpp"

#include "crypto/x509.hpp"

namespace forgepool::hub {

Result<OperatorKey> parse_operator_key(std::string_view text) {
  if (text.size() == 64)
    if (const auto pin = Digest::parse(text)) return OperatorKey{*pin, {}};
  const auto der = from_base64(text);
  const auto certificate = der ? parse_certificate(*der) : fail(der.error());
  if (!certificate)
    return fail(ErrorKind::invalid_input,
                "id: expected an operator's certificate, or the SHA-256 of its public key (SubjectPublicKeyInfo) in hex");
  return OperatorKey{certificate->key.pin(), *der};
}

std::string operator_record_name(const Digest& pin) {
  return "operator/" + pin.hex();
}

}  // namespace forgepool::hub
