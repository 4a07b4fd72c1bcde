/// C2SP tlog-proof.
#include <forgepool/tiled_log.hpp>

#include <algorithm>
#include <charconv>

namespace forgepool {
namespace {

constexpr std::string_view first_line = "c2sp.org/tlog-proof@v1";
constexpr std::size_t max_path = 63;

tl::unexpected<Error> malformed(std::string_view why) {
  return fail(ErrorKind::invalid_input, "malformed tlog-proof: " + std::string(why));
}

}  // namespace

std::string write_tlog_proof(const TlogProof& proof) {
  std::string text = std::string(first_line) + "\n";
  if (!proof.extra.empty()) text += "extra " + to_base64(proof.extra) + "\n";
  text += "index " + std::to_string(proof.index) + "\n";
  for (const Digest& hash : proof.path) text += to_base64(hash.bytes) + "\n";
  return text + "\n" + proof.checkpoint;
}

Result<TlogProof> parse_tlog_proof(std::string_view text) {
  const auto next = [&]() -> std::optional<std::string_view> {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
  };
  TlogProof proof;
  auto line = next();
  if (line != first_line) return malformed("the first line must be " + std::string(first_line));
  line = next();
  if (line && line->starts_with("extra ")) {
    auto extra = from_base64(line->substr(6));
    if (!extra) return malformed("the extra line is not base64");
    proof.extra = std::move(*extra);
    line = next();
  }
  if (!line || !line->starts_with("index ")) return malformed("the index line is missing");
  const std::string_view digits = line->substr(6);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), proof.index);
  if (error != std::errc() || end != digits.data() + digits.size() || (digits.size() > 1 && digits.front() == '0'))
    return malformed("the index must be a decimal number without leading zeroes");
  while ((line = next()) && !line->empty()) {
    const auto bytes = from_base64(*line);
    Digest hash;
    if (!bytes || bytes->size() != hash.bytes.size() || proof.path.size() == max_path)
      return malformed("after the index there must be at most 63 hashes of 32 bytes in base64");
    std::ranges::copy(*bytes, hash.bytes.begin());
    proof.path.push_back(hash);
  }
  if (!line || text.empty()) return malformed("the checkpoint is missing");
  proof.checkpoint = text;
  return proof;
}

Status verify_tlog_proof(const TlogProof& proof, ByteView leaf, const VerifierKey& key) {
  const auto head = verify_checkpoint(proof.checkpoint, key);
  if (!head) return fail(head.error());
  return verify_inclusion(leaf_hash(leaf), proof.index, *head, proof.path);
}

}  // namespace forgepool
