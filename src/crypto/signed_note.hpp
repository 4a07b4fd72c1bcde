#pragma once
/// C2SP signed-note with Ed25519 keys (signature type 0x01; 0x04 for cosignatures). Checkpoints (forgepool/merkle.hpp) are
/// notes of a fixed form; other users of notes (cosignatures, proofs) start here. Pure functions; the input is foreign and
/// bounded by the limits below.
#include <forgepool/merkle.hpp>

namespace forgepool {

/// A note with 16 post-quantum signatures, which every verifier must accept, has about 110 kB.
inline constexpr std::size_t max_note_bytes = 1'000'000;
inline constexpr std::size_t max_note_signatures = 100;

struct NoteSignature {
  std::string_view name;  ///< Borrowed from the note.
  std::uint32_t key_id = 0;
  Bytes signature;  ///< Without the key id. Its form is the business of the key's type.
};

struct SignedNote {
  std::string_view text;  ///< What is signed, with its final newline. Borrowed from the note.
  std::vector<NoteSignature> signatures;
};

/// Non-empty valid UTF-8 without control characters, Unicode spaces and '+'.
bool is_valid_key_name(std::string_view name);

inline constexpr std::uint8_t ed25519_note_type = 0x01, cosignature_note_type = 0x04;

/// SHA-256(name ‖ "\n" ‖ type ‖ Ed25519 key). `key` is Ed25519. Sigstore names logs by it.
Digest note_key_hash(std::string_view name, const PublicKey& key, std::uint8_t type = ed25519_note_type);
/// Its first four bytes, big-endian.
std::uint32_t note_key_id(std::string_view name, const PublicKey& key, std::uint8_t type = ed25519_note_type);
/// "<name>+<id>+<base64>", and back; as to_vkey and parse_vkey, for any of the types above.
std::string write_vkey(std::string_view name, const PublicKey& key, std::uint8_t type);
Result<VerifierKey> read_vkey(std::string_view text, std::uint8_t type);
/// One line of a note, newline included.
std::string signature_line(std::string_view name, std::uint32_t key_id, ByteView signature);

/// Syntax only: nothing in the result may be believed. `corrupt` unless it is a well-formed note within the limits.
Result<SignedNote> parse_note(std::string_view note);

/// The text of `note` if `key` signed it. Signatures by other keys are ignored, but each line that names `key` must verify.
/// `corrupt` if the note is malformed or not signed by `key`.
Result<std::string_view> open_note(std::string_view note, const VerifierKey& key);

/// `text` and one signature line. invalid_input if the text or the name cannot stand in a note, or the key is not Ed25519.
Result<std::string> sign_note(std::string_view text, std::string_view name, const Signer& key);

}  // namespace forgepool
