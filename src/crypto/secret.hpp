#pragma once
/// Secrets in memory: compared in constant time, overwritten when no longer needed.
#include <forgepool/bytes.hpp>

#include <utility>

namespace forgepool {

/// True if both are the same; takes the same time wherever they differ. The lengths are not secret.
bool equal_in_constant_time(ByteView a, ByteView b);

/// Overwrites the bytes; not optimized away.
void wipe(std::span<std::uint8_t> bytes);

/// Owns secret bytes and wipes them at the end. Moves, does not copy.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(Bytes bytes) : bytes_(std::move(bytes)) {}
  ~SecretBytes() { wipe(bytes_); }
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    wipe(bytes_);
    bytes_ = std::move(other.bytes_);
    other.bytes_.clear();
    return *this;
  }

  ByteView view() const { return bytes_; }
  std::string_view text() const { return as_text(bytes_); }
  bool empty() const { return bytes_.empty(); }

 private:
  Bytes bytes_;
};

}  // namespace forgepool
