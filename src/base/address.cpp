#include <forgepool/address.hpp>

#include <arpa/inet.h>

#include <charconv>

namespace forgepool {
namespace {

bool is_literal(int family, const std::string& text) {
  in6_addr address;  // The larger of the two.
  return inet_pton(family, text.c_str(), &address) == 1;
}

}  // namespace

Result<NetworkAddress> parse_network_address(std::string_view text, std::optional<std::uint16_t> default_port) {
  const auto wrong = [&](const std::string& why) {
    return fail(ErrorKind::invalid_input, "\"" + std::string(text) + "\": " + why);
  };
  NetworkAddress address;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos) return wrong("the bracket is never closed; expected [IPV6-ADDRESS]:PORT");
    address.host = text.substr(1, end - 1);
    if (!is_literal(AF_INET6, address.host))
      return wrong("expected an IPv6 address between the brackets, like [2001:db8::1]:4433");
    const auto rest = text.substr(end + 1);
    has_port = rest.starts_with(':');
    if (!rest.empty() && !has_port) return wrong("expected a colon and a port after the bracket, like [2001:db8::1]:4433");
    if (has_port) port = rest.substr(1);
  } else if (is_literal(AF_INET6, std::string(text))) {
    // Where it ends and a port would begin, nobody can tell.
    if (!default_port) return wrong("an IPv6 address with its port is written [" + std::string(text) + "]:PORT");
    address.host = text;
  } else {
    const auto colon = text.find(':');
    has_port = colon != text.npos;
    address.host = text.substr(0, colon);
    if (has_port) port = text.substr(colon + 1);
    if (!is_literal(AF_INET, address.host))
      return wrong(
          "expected ADDRESS:PORT with an IP address, like 192.0.2.1:4433 or [2001:db8::1]:4433; names are not looked up");
  }
  if (!has_port) {
    if (!default_port) return wrong("the port is missing; expected ADDRESS:PORT, like 192.0.2.1:4433 or [2001:db8::1]:4433");
    address.port = *default_port;
    return address;
  }
  const char* const end = port.data() + port.size();
  const auto [rest, error] = std::from_chars(port.data(), end, address.port);
  if (error != std::errc() || rest != end || address.port == 0) return wrong("expected a port from 1 to 65535 after the colon");
  return address;
}

}  // namespace forgepool
