#pragma once
/// Keys of content. Everything that a job leaves in the ledger's state is encrypted under a random key of its own
/// (AES-256-GCM), and so is every input; these keys stand in the state, too, wrapped under one key that is derived from the
/// organization's content key in its key store. Who destroys the wrapping key and every copy of a job's key but none has
/// destroyed the job, wherever remains of its ciphertext may be. Format: FORMAT.md, "Content".
#include "crypto/secret.hpp"

#include <forgepool/keys.hpp>

#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace forgepool::hub {

/// Fills a span with random bytes: an argument, so that a simulation can replay them.
using RandomSource = std::function<void(std::span<std::uint8_t>)>;

inline constexpr std::size_t content_key_bytes = 32;
/// By so much a record is longer than what is in it.
inline constexpr std::size_t sealing_bytes = 12 + 16;

/// Immutable, and so for any thread.
class ContentKey {
 public:
  explicit ContentKey(SecretBytes key) : key_(std::move(key)) {}
  static std::shared_ptr<const ContentKey> make(const RandomSource& random);

  /// `place` is the key of the state's record that it is for: a record in another place does not open.
  Bytes seal(const RandomSource& random, std::string_view place, ByteView content) const;
  /// `corrupt` if it was not sealed under this key for this place.
  Result<Bytes> open(std::string_view place, ByteView sealed) const;
  /// Names something whose digest must not stand in the open: a keyed hash of it.
  Digest name_of(const Digest& digest) const;

  ByteView bytes() const { return key_.view(); }

 private:
  const SecretBytes key_;
};

/// The key that wraps others: derived from what the organization's content key of this epoch signs, so that it is wherever that
/// is: under a passphrase, or in a token.
struct WrappingKey {
  std::uint32_t epoch = 0;
  std::shared_ptr<const ContentKey> key;

  static Result<WrappingKey> of(const Signer& signer, std::uint32_t epoch);
  /// The epoch, and the secret sealed under this key.
  Bytes wrap(const RandomSource& random, std::string_view place, ByteView secret) const;
  Result<SecretBytes> unwrap(std::string_view place, ByteView wrapped) const;
};
/// `corrupt` if it is too short to be wrapped.
Result<std::uint32_t> epoch_of_wrapped(ByteView wrapped);

}  // namespace forgepool::hub
