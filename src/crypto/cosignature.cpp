/// C2SP tlog-cosignature, the Ed25519 form: cosignature/v1.
#include "crypto/signed_note.hpp"

#include <forgepool/witness.hpp>

#include <algorithm>

namespace forgepool {
namespace {

constexpr std::size_t timestamp_bytes = 8, signature_bytes = 64;

/// What is signed: two lines and the note's text.
std::string cosigned_message(std::uint64_t timestamp, std::string_view text) {
  return "cosignature/v1\ntime " + std::to_string(timestamp) + "\n" + std::string(text);
}

/// The timestamp, if `signature` is one by `key` over `text`.
std::optional<std::uint64_t> check(const PublicKey& key, std::string_view text, ByteView signature) {
  if (signature.size() != timestamp_bytes + signature_bytes) return std::nullopt;
  std::uint64_t timestamp = 0;
  for (const std::uint8_t byte : signature.first(timestamp_bytes)) timestamp = timestamp << 8 | byte;
  if (timestamp > INT64_MAX || timestamp == 0) return std::nullopt;
  if (!verify_signature(key, as_bytes(cosigned_message(timestamp, text)), signature.subspan(timestamp_bytes)))
    return std::nullopt;
  return timestamp;
}

}  // namespace

std::string to_cosigner_vkey(std::string_view name, const PublicKey& key) {
  return write_vkey(name, key, cosignature_note_type);
}

Result<VerifierKey> parse_cosigner_vkey(std::string_view text) {
  return read_vkey(text, cosignature_note_type);
}

Result<std::string> cosign_checkpoint(std::string_view checkpoint, std::string_view name, const Signer& key, Time now) {
  if (!is_valid_key_name(name) || key.public_key().algorithm != KeyAlgorithm::ed25519)
    return fail(ErrorKind::invalid_input,
                "a cosigner needs a name without spaces, control characters and '+', and an Ed25519 key");
  const auto note = parse_note(checkpoint);
  if (!note) return fail(note.error());
  const std::int64_t seconds = unix_seconds(now);
  if (seconds <= 0) return fail(ErrorKind::invalid_input, "a cosignature cannot be dated before 1970");
  const auto timestamp = static_cast<std::uint64_t>(seconds);
  const auto signature = key.sign(as_bytes(cosigned_message(timestamp, note->text)));
  if (!signature) return fail(signature.error());
  Bytes stamped;
  for (unsigned shift = 64; shift > 0; shift -= 8) stamped.push_back(static_cast<std::uint8_t>(timestamp >> (shift - 8)));
  stamped.insert(stamped.end(), signature->begin(), signature->end());
  return signature_line(name, note_key_id(name, key.public_key(), cosignature_note_type), stamped);
}

Result<std::uint64_t> verify_cosignature(std::string_view checkpoint, const VerifierKey& cosigner) {
  const auto note = parse_note(checkpoint);
  if (!note) return fail(note.error());
  const std::uint32_t id = note_key_id(cosigner.name, cosigner.key, cosignature_note_type);
  std::optional<std::uint64_t> when;
  for (const NoteSignature& line : note->signatures) {
    if (line.name != cosigner.name || line.key_id != id) continue;
    const auto timestamp = check(cosigner.key, note->text, line.signature);
    if (!timestamp) return fail(ErrorKind::corrupt, "the cosignature by " + cosigner.name + " does not verify");
    when = std::max(when.value_or(0), *timestamp);
  }
  if (!when) return fail(ErrorKind::corrupt, "the checkpoint is not cosigned by " + cosigner.name);
  return *when;
}

Result<std::string> add_cosignatures(std::string_view checkpoint, std::string_view lines,
                                     const std::vector<VerifierKey>& cosigners) {
  const auto note = parse_note(checkpoint);
  if (!note) return fail(note.error());
  const std::string candidate = std::string(checkpoint) + std::string(lines);
  const auto added = parse_note(candidate);
  if (!added || added->text != note->text) return fail(ErrorKind::invalid_input, "these are not signature lines of a note");
  std::string result(checkpoint);
  for (std::size_t i = note->signatures.size(); i < added->signatures.size(); ++i) {
    const NoteSignature& line = added->signatures[i];
    for (const VerifierKey& cosigner : cosigners) {
      const std::uint32_t id = note_key_id(cosigner.name, cosigner.key, cosignature_note_type);
      if (line.name != cosigner.name || line.key_id != id || !check(cosigner.key, note->text, line.signature)) continue;
      if (!verify_cosignature(result, cosigner)) result += signature_line(line.name, line.key_id, line.signature);
    }
  }
  return result;
}

}  // namespace forgepool
