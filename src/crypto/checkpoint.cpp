/// C2SP tlog-checkpoint: a signed note whose text is the origin, the tree size and the root.
#include "crypto/signed_note.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace forgepool {
namespace {

/// Other implementations hold sizes in signed 64-bit integers.
constexpr std::uint64_t max_tree_size = std::numeric_limits<std::int64_t>::max();

tl::unexpected<Error> malformed(std::string_view why) {
  return fail(ErrorKind::corrupt, "malformed checkpoint: " + std::string(why));
}

/// Takes a line off the front of `text`, which ends in a newline or is empty.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return {};
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  const bool leading_zero = text.size() > 1 && text.front() == '0';
  if (error != std::errc() || end != text.data() + text.size() || leading_zero || size > max_tree_size)
    return malformed("the second line must be the tree size in decimal, without leading zeroes");
  return size;
}

Result<Digest> parse_root(std::string_view text) {
  const auto bytes = from_base64(text);
  Digest root;
  if (!bytes || bytes->size() != root.bytes.size())
    return malformed("the third line must be the root hash, 32 bytes in base64");
  std::ranges::copy(*bytes, root.bytes.begin());
  return root;
}

}  // namespace

Result<std::string> sign_checkpoint(std::string_view origin, const LedgerHead& head, const Signer& key) {
  if (head.size > max_tree_size) return fail(ErrorKind::invalid_input, "a checkpoint's tree size must be below 2^63");
  std::string text(origin);
  text += '\n' + std::to_string(head.size) + '\n' + to_base64(head.root.bytes) + '\n';
  return sign_note(text, origin, key);
}

Result<LedgerHead> verify_checkpoint(std::string_view note, const VerifierKey& key) {
  auto text = open_note(note, key);
  if (!text) return fail(text.error());
  const std::string_view origin = take_line(*text);
  if (origin != key.name)
    return fail(ErrorKind::corrupt, "the checkpoint's origin is not \"" + key.name + "\": it is of another log");
  const auto size = parse_size(take_line(*text));
  if (!size) return fail(size.error());
  const auto root = parse_root(take_line(*text));
  if (!root) return fail(root.error());
  while (!text->empty())  // Extension lines: opaque.
    if (take_line(*text).empty()) return malformed("it holds an empty line");
  if (*size == 0 && *root != merkle_root({})) return malformed("an empty tree with a root other than that of the empty tree");
  return LedgerHead{*size, *root};
}

}  // namespace forgepool
