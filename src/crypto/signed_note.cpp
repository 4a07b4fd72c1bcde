#include "crypto/signed_note.hpp"

#include "crypto/keys.hpp"
#include "crypto/utf8.hpp"

#include <algorithm>

namespace forgepool {
namespace {

constexpr std::string_view signature_start = "\xe2\x80\x94 ";  // Em dash (U+2014), space.
constexpr std::size_t key_id_bytes = 4;

std::uint32_t read_key_id(ByteView bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

std::array<std::uint8_t, key_id_bytes> write_key_id(std::uint32_t key_id) {
  return {static_cast<std::uint8_t>(key_id >> 24), static_cast<std::uint8_t>(key_id >> 16),
          static_cast<std::uint8_t>(key_id >> 8), static_cast<std::uint8_t>(key_id)};
}

Bytes concatenated(ByteView first, ByteView second) {
  Bytes bytes(first.size() + second.size());
  std::ranges::copy(second, std::ranges::copy(first, bytes.begin()).out);
  return bytes;
}

Bytes typed_key(const PublicKey& key, std::uint8_t type) {
  return concatenated(std::array{type}, raw_public_key(key));
}

tl::unexpected<Error> malformed(std::string_view why) {
  return fail(ErrorKind::corrupt, "malformed signed note: " + std::string(why));
}

bool is_note_text(std::string_view text) {
  return is_valid_utf8(text) &&
         std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 || c == '\n'; });
}

/// One line "— <name> <base64>", without its newline.
Result<NoteSignature> parse_signature(std::string_view line) {
  if (!line.starts_with(signature_start)) return malformed("a signature line must start with an em dash and a space");
  line.remove_prefix(signature_start.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return malformed("a signature line must be a dash, a key name and a signature");
  const std::string_view name = line.substr(0, space);
  if (!is_valid_key_name(name)) return malformed("a key name must be non-empty and hold no space or '+'");
  const auto bytes = from_base64(line.substr(space + 1));
  if (!bytes || bytes->size() <= key_id_bytes) return malformed("a signature must be the base64 of a key id and a signature");
  return NoteSignature{name, read_key_id(*bytes), Bytes(bytes->begin() + key_id_bytes, bytes->end())};
}

}  // namespace

bool is_valid_key_name(std::string_view name) {
  return !name.empty() && is_valid_utf8(name) && !has_space_or_control(name) && name.find('+') == std::string_view::npos;
}

Digest note_key_hash(std::string_view name, const PublicKey& key, std::uint8_t type) {
  const std::string line = std::string(name) + '\n';
  return sha256(concatenated(as_bytes(line), typed_key(key, type)));
}

std::uint32_t note_key_id(std::string_view name, const PublicKey& key, std::uint8_t type) {
  return read_key_id(note_key_hash(name, key, type).bytes);
}

std::string signature_line(std::string_view name, std::uint32_t key_id, ByteView signature) {
  std::string line(signature_start);
  line += name;
  line += ' ';
  line += to_base64(concatenated(write_key_id(key_id), signature));
  line += '\n';
  return line;
}

Result<SignedNote> parse_note(std::string_view note) {
  if (note.size() > max_note_bytes) return malformed("it is longer than " + std::to_string(max_note_bytes) + " bytes");
  if (!is_note_text(note)) return malformed("it must be UTF-8 without control characters other than newline");
  // The text may contain empty lines: the last one separates it from the signatures.
  const std::size_t separator = note.rfind("\n\n");
  if (separator == std::string_view::npos) return malformed("no empty line between the text and the signatures");
  SignedNote result;
  result.text = note.substr(0, separator + 1);
  std::string_view lines = note.substr(separator + 2);
  if (!lines.ends_with('\n')) return malformed("no signature line, or the last one does not end in a newline");
  for (; !lines.empty(); lines.remove_prefix(lines.find('\n') + 1)) {
    if (result.signatures.size() == max_note_signatures)
      return malformed("more than " + std::to_string(max_note_signatures) + " signatures");
    auto signature = parse_signature(lines.substr(0, lines.find('\n')));
    if (!signature) return fail(signature.error());
    result.signatures.push_back(std::move(*signature));
  }
  return result;
}

Result<std::string_view> open_note(std::string_view note, const VerifierKey& key) {
  if (key.key.algorithm != KeyAlgorithm::ed25519)
    return fail(ErrorKind::invalid_input, "a note is verified with an Ed25519 key; this one is ECDSA P-256");
  const auto parsed = parse_note(note);
  if (!parsed) return fail(parsed.error());
  const std::uint32_t key_id = note_key_id(key.name, key.key);
  bool verified = false;
  for (const NoteSignature& line : parsed->signatures) {
    // Name and id together name a key: a line that shares only one of them is somebody else's.
    if (line.name != key.name || line.key_id != key_id) continue;
    if (!verify_signature(key.key, as_bytes(parsed->text), line.signature))
      return fail(ErrorKind::corrupt, "the note's signature by " + to_vkey(key.name, key.key) + " does not verify");
    verified = true;
  }
  if (!verified) return fail(ErrorKind::corrupt, "the note is not signed by " + to_vkey(key.name, key.key));
  return parsed->text;
}

Result<std::string> sign_note(std::string_view text, std::string_view name, const Signer& key) {
  if (key.public_key().algorithm != KeyAlgorithm::ed25519)
    return fail(ErrorKind::invalid_input, "a note is signed with an Ed25519 key; this one is ECDSA P-256");
  if (!is_valid_key_name(name))
    return fail(ErrorKind::invalid_input,
                "a note's key name must be non-empty UTF-8 without spaces, control characters and '+'");
  if (!text.ends_with('\n') || !is_note_text(text) || text.size() > max_note_bytes / 2)
    return fail(ErrorKind::invalid_input, "a note's text must be UTF-8 without control characters and end in a newline");
  const auto signature = key.sign(as_bytes(text));
  if (!signature) return fail(signature.error());
  std::string note(text);
  note += '\n';
  note += signature_line(name, note_key_id(name, key.public_key()), *signature);
  return note;
}

std::string write_vkey(std::string_view name, const PublicKey& key, std::uint8_t type) {
  if (key.algorithm != KeyAlgorithm::ed25519) return {};
  return std::string(name) + "+" + to_hex(write_key_id(note_key_id(name, key, type))) + "+" + to_base64(typed_key(key, type));
}

std::string to_vkey(std::string_view name, const PublicKey& key) {
  return write_vkey(name, key, ed25519_note_type);
}

Result<VerifierKey> parse_vkey(std::string_view text) {
  return read_vkey(text, ed25519_note_type);
}

Result<VerifierKey> read_vkey(std::string_view text, std::uint8_t type) {
  const auto refuse = [](std::string_view why) {
    return fail(ErrorKind::invalid_input,
                "malformed verifier key: " + std::string(why) + "; expected <name>+<8 hex digits>+<base64>");
  };
  // Base64 may contain '+', a name and hex may not.
  const std::size_t first = text.find('+');
  const std::size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) return refuse("it must have three parts");
  const std::string_view name = text.substr(0, first);
  if (!is_valid_key_name(name)) return refuse("the name must be non-empty and hold no space");
  const auto id = from_hex(text.substr(first + 1, second - first - 1));
  if (!id || id->size() != key_id_bytes) return refuse("the key id must be 8 lower-case hex digits");
  const auto typed = from_base64(text.substr(second + 1));
  if (!typed || typed->empty()) return refuse("the key is not base64");
  if (typed->front() != type)
    return refuse(type == ed25519_note_type ? "only keys of type 1 (Ed25519) are supported"
                                            : "a witness's key is of type 4 (Ed25519 cosignatures)");
  if (typed->size() != 33) return refuse("an Ed25519 key has 32 bytes");
  auto key = public_key_from_raw(KeyAlgorithm::ed25519, ByteView(*typed).subspan(1));
  if (!key) return refuse("it is no valid Ed25519 key");
  if (note_key_id(name, *key, type) != read_key_id(*id)) return refuse("the key id is not that of this name and key");
  return VerifierKey{std::string(name), std::move(*key)};
}

}  // namespace forgepool
