/// C2SP tlog-witness: the rules by which a witness cosigns.
#include "crypto/signed_note.hpp"

#include <forgepool/witness.hpp>

#include <algorithm>
#include <charconv>

namespace forgepool {
namespace {

constexpr std::size_t max_proof_lines = 63;

tl::unexpected<Error> malformed(std::string_view why) {
  return fail(ErrorKind::invalid_input, "malformed add-checkpoint request: " + std::string(why));
}

Result<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || (text.size() > 1 && text.front() == '0') ||
      number > INT64_MAX)
    return malformed("the old size must be a decimal number without leading zeroes");
  return number;
}

Witness::Answer refuse(int status, std::string why) {
  return {status, "text/plain; charset=utf-8", std::move(why) + "\n"};
}

}  // namespace

std::string write_add_checkpoint(const AddCheckpoint& request) {
  std::string body = "old " + std::to_string(request.old_size) + "\n";
  for (const Digest& hash : request.proof) body += to_base64(hash.bytes) + "\n";
  return body + "\n" + request.checkpoint;
}

Result<AddCheckpoint> parse_add_checkpoint(std::string_view body) {
  AddCheckpoint request;
  bool first = true;
  while (true) {
    const auto end = body.find('\n');
    if (end == std::string_view::npos) return malformed("there is no checkpoint after an empty line");
    const std::string_view line = body.substr(0, end);
    body.remove_prefix(end + 1);
    if (first) {
      if (!line.starts_with("old ")) return malformed("the first line must be \"old <size>\"");
      const auto size = parse_number(line.substr(4));
      if (!size) return fail(size.error());
      request.old_size = *size;
      first = false;
      continue;
    }
    if (line.empty()) break;
    const auto bytes = from_base64(line);
    Digest hash;
    if (!bytes || bytes->size() != hash.bytes.size()) return malformed("a line of the proof must be 32 bytes in base64");
    if (request.proof.size() == max_proof_lines) return malformed("the proof has more than 63 lines");
    std::ranges::copy(*bytes, hash.bytes.begin());
    request.proof.push_back(hash);
  }
  request.checkpoint = body;
  if (const auto note = parse_note(request.checkpoint); !note) return malformed(note.error().message);
  return request;
}

Result<std::unique_ptr<Witness>> Witness::make(Options options) {
  if (!is_valid_key_name(options.name))
    return fail(ErrorKind::invalid_input,
                "a witness's name must be non-empty UTF-8 without spaces, control characters and '+'");
  if (!options.key || options.key->public_key().algorithm != KeyAlgorithm::ed25519)
    return fail(ErrorKind::invalid_input, "a witness needs an Ed25519 key");
  return std::unique_ptr<Witness>(new Witness(std::move(options)));
}

const VerifierKey* Witness::log_of(std::string_view origin) const {
  const auto found = std::ranges::find(options_.logs, origin, &VerifierKey::name);
  return found == options_.logs.end() ? nullptr : &*found;
}

Status Witness::restore(std::string_view checkpoint) {
  const std::string origin(checkpoint.substr(0, checkpoint.find('\n')));
  const VerifierKey* log = log_of(origin);
  if (!log)
    return fail(ErrorKind::invalid_input, "a checkpoint of " + origin + " was kept, but that log is not followed any more");
  const auto head = verify_checkpoint(checkpoint, *log);
  if (!head) return fail(head.error());
  if (const auto own = verify_cosignature(checkpoint, {options_.name, options_.key->public_key()}); !own)
    return fail(own.error());
  const std::lock_guard lock(mutex_);
  seen_[origin] = {*head, std::string(checkpoint)};
  return {};
}

Witness::Answer Witness::add_checkpoint(std::string_view body, Time now) {
  const auto request = parse_add_checkpoint(body);
  if (!request) return refuse(400, request.error().message);
  const std::string origin = request->checkpoint.substr(0, request->checkpoint.find('\n'));
  const VerifierKey* log = log_of(origin);
  if (!log) return refuse(404, "this witness does not follow the log " + origin);
  if (const auto opened = open_note(request->checkpoint, *log); !opened) return refuse(403, opened.error().message);
  const auto head = verify_checkpoint(request->checkpoint, *log);
  if (!head) return refuse(422, head.error().message);
  if (request->old_size > head->size) return refuse(400, "the old size is greater than the checkpoint's");

  const std::lock_guard lock(mutex_);  // Until it is kept: two requests must not pass the check with the same old size.
  const auto seen = seen_.find(origin);
  const LedgerHead last = seen == seen_.end() ? LedgerHead{0, merkle_root({})} : seen->second.head;
  if (request->old_size != last.size) return {409, "text/x.tlog.size", std::to_string(last.size) + "\n"};
  if (last.size == 0) {
    if (!request->proof.empty()) return refuse(422, "no proof is needed, and none is taken, from the empty tree");
  } else if (const auto grown = verify_consistency(last, *head, request->proof); !grown) {
    return refuse(422, "THE LOG WAS REWRITTEN, or the proof is wrong: " + grown.error().message);
  }
  const auto line = cosign_checkpoint(request->checkpoint, options_.name, *options_.key, now);
  if (!line) return refuse(500, line.error().message);
  const VerifierKey own{options_.name, options_.key->public_key()};
  // Of all signatures only those that were verified are kept.
  const auto note = parse_note(request->checkpoint);
  std::string kept(note->text);
  kept += '\n';
  for (const NoteSignature& signature : note->signatures)
    if (signature.name == log->name && signature.key_id == note_key_id(log->name, log->key))
      kept += signature_line(signature.name, signature.key_id, signature.signature);
  kept += *line;
  if (options_.keep)
    if (const auto done = options_.keep(origin, kept); !done) return refuse(500, done.error().message);
  seen_[origin] = {*head, std::move(kept)};
  return {200, "text/plain; charset=utf-8", *line};
}

std::optional<std::string> Witness::latest(const std::string& origin) const {
  const std::lock_guard lock(mutex_);
  const auto seen = seen_.find(origin);
  return seen == seen_.end() ? std::nullopt : std::optional(seen->second.checkpoint);
}

std::uint64_t Witness::latest_size(const std::string& origin) const {
  const std::lock_guard lock(mutex_);
  const auto seen = seen_.find(origin);
  return seen == seen_.end() ? 0 : seen->second.head.size;
}

std::string Witness::vkey() const {
  return to_cosigner_vkey(options_.name, options_.key->public_key());
}

}  // namespace forgepool
