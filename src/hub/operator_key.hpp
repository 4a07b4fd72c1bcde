#pragma once
/// How revocations name an operator's credentials, of which an organization may have several: all are called "operator".
#include <forgepool/digest.hpp>

#include <optional>
#include <string_view>

namespace forgepool::hub {

struct OperatorKey {
  Digest pin;         ///< Of the key: it stays the same when the certificate is renewed.
  Bytes certificate;  ///< DER; empty if only the key was named.
};

/// From 64 hex digits (the pin), or the certificate as base64 of its DER. invalid_input otherwise.
Result<OperatorKey> parse_operator_key(std::string_view text);

/// What the certificate of an operator with this key is kept under (CertificateRecord::name).
std::string operator_record_name(const Digest& pin);

}  // namespace forgepool::hub
