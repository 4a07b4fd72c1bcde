#pragma once
/// SHA-256 over data that comes in pieces.
#include <forgepool/digest.hpp>

#include <memory>

namespace forgepool {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256& other);
  Sha256& operator=(const Sha256& other);

  Sha256& update(ByteView data);
  Sha256& update(std::string_view text) { return update(as_bytes(text)); }
  /// The digest of everything so far; afterwards the object is as new.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace forgepool
