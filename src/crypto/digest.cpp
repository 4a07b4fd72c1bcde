#include "crypto/digest.hpp"

#include "crypto/boringssl.hpp"

#include <algorithm>

namespace forgepool {

Result<Digest> Digest::parse(std::string_view text) {
  constexpr std::string_view prefix = "sha256:";
  const std::string_view digits = text.starts_with(prefix) ? text.substr(prefix.size()) : text;
  const auto bytes = from_hex(digits);
  Digest digest;
  if (!bytes || bytes->size() != digest.bytes.size())
    return fail(ErrorKind::invalid_input, "malformed digest: expected \"sha256:\" and 64 lower-case hex digits");
  std::copy(bytes->begin(), bytes->end(), digest.bytes.begin());
  return digest;
}

Digest sha256(ByteView data) {
  Digest digest;
  SHA256(data.data(), data.size(), digest.bytes.data());
  return digest;
}

struct Sha256::State {
  SHA256_CTX context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  SHA256_Init(&state_->context);
}
Sha256::~Sha256() = default;
Sha256::Sha256(const Sha256& other) : state_(std::make_unique<State>(*other.state_)) {}
Sha256& Sha256::operator=(const Sha256& other) {
  *state_ = *other.state_;
  return *this;
}

Sha256& Sha256::update(ByteView data) {
  SHA256_Update(&state_->context, data.data(), data.size());
  return *this;
}

Digest Sha256::finish() {
  Digest digest;
  SHA256_Final(digest.bytes.data(), &state_->context);
  SHA256_Init(&state_->context);
  return digest;
}

}  // namespace forgepool
