#include "crypto/pem.hpp"

#include "crypto/secret.hpp"

#include <fmt/core.h>

namespace forgepool {

std::string to_pem(std::string_view label, ByteView der) {
  std::string body = to_base64(der);
  std::string text = fmt::format("-----BEGIN {}-----\n", label);
  text.reserve(text.size() + body.size() + body.size() / 64 + label.size() + 32);
  for (std::size_t i = 0; i < body.size(); i += 64) {
    text.append(body, i, 64);
    text += '\n';
  }
  text += fmt::format("-----END {}-----\n", label);
  wipe({reinterpret_cast<std::uint8_t*>(body.data()), body.size()});  // It may be a private key.
  return text;
}

Result<std::vector<Bytes>> from_pem(std::string_view label, std::string_view text) {
  const std::string begin = fmt::format("-----BEGIN {}-----", label), end = fmt::format("-----END {}-----", label);
  std::vector<Bytes> blocks;
  for (auto at = text.find(begin); at != text.npos; at = text.find(begin, at)) {
    at += begin.size();
    const auto stop = text.find(end, at);
    if (stop == text.npos) return fail(ErrorKind::invalid_input, fmt::format("PEM block without its \"{}\" line", end));
    std::string body;
    for (const char c : text.substr(at, stop - at))
      if (c != '\n' && c != '\r' && c != ' ' && c != '\t') body += c;
    auto der = from_base64(body);
    wipe({reinterpret_cast<std::uint8_t*>(body.data()), body.size()});
    if (!der || der->empty())
      return fail(ErrorKind::invalid_input, fmt::format("malformed base64 in the PEM block \"{}\"", label));
    blocks.push_back(std::move(*der));
    at = stop + end.size();
  }
  if (blocks.empty()) return fail(ErrorKind::invalid_input, fmt::format("no PEM block: expected a line \"{}\"", begin));
  return blocks;
}

}  // namespace forgepool
