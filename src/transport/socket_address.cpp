#include "transport/socket_address.hpp"

#include <arpa/inet.h>

#include <cstring>

namespace forgepool::transport {

SocketAddress::SocketAddress() : v6_{} {
  any_.sa_family = AF_UNSPEC;
}

Result<SocketAddress> SocketAddress::parse(const std::string& literal, std::uint16_t port) {
  SocketAddress address;
  if (inet_pton(AF_INET, literal.c_str(), &address.v4_.sin_addr) == 1) {
    address.v4_.sin_family = AF_INET;
  } else if (inet_pton(AF_INET6, literal.c_str(), &address.v6_.sin6_addr) == 1) {
    address.v6_.sin6_family = AF_INET6;
  } else {
    return fail(
        ErrorKind::invalid_input,
        "\"" + literal + "\" is not an IP address: expected a literal like 192.0.2.1 or 2001:db8::1, names are not looked up");
  }
  address.set_port(port);
  return address;
}

SocketAddress SocketAddress::from(const sockaddr* source, socklen_t size) {
  SocketAddress address;
  if (source->sa_family == AF_INET && size >= sizeof(sockaddr_in)) std::memcpy(&address.v4_, source, sizeof(sockaddr_in));
  if (source->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) std::memcpy(&address.v6_, source, sizeof(sockaddr_in6));
  return address;
}

socklen_t SocketAddress::size() const {
  return family() == AF_INET ? sizeof(sockaddr_in) : family() == AF_INET6 ? sizeof(sockaddr_in6) : 0;
}

std::uint16_t SocketAddress::port() const {
  return ntohs(family() == AF_INET6 ? v6_.sin6_port : v4_.sin_port);
}

void SocketAddress::set_port(std::uint16_t port) {
  (family() == AF_INET6 ? v6_.sin6_port : v4_.sin_port) = htons(port);
}

bool SocketAddress::is_wildcard() const {
  return family() == AF_INET ? v4_.sin_addr.s_addr == htonl(INADDR_ANY)
                             : family() == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&v6_.sin6_addr);
}

std::string SocketAddress::site() const {
  if (family() == AF_INET) return {reinterpret_cast<const char*>(&v4_.sin_addr), sizeof v4_.sin_addr};
  if (family() != AF_INET6) return {};
  // ::ffff:192.0.2.1 is an IPv4 address at a socket for both.
  const auto* const bytes = reinterpret_cast<const char*>(&v6_.sin6_addr);
  return IN6_IS_ADDR_V4MAPPED(&v6_.sin6_addr) ? std::string(bytes + 12, 4) : std::string(bytes, 8);
}

std::string SocketAddress::str() const {
  char text[INET6_ADDRSTRLEN] = "?";
  if (family() == AF_INET) inet_ntop(AF_INET, &v4_.sin_addr, text, sizeof text);
  if (family() == AF_INET6) inet_ntop(AF_INET6, &v6_.sin6_addr, text, sizeof text);
  const std::string host = family() == AF_INET6 ? "[" + std::string(text) + "]" : text;
  return host + ":" + std::to_string(port());
}

bool operator==(const SocketAddress& a, const SocketAddress& b) {
  if (a.family() != b.family()) return false;
  if (a.family() == AF_INET) return a.v4_.sin_addr.s_addr == b.v4_.sin_addr.s_addr && a.v4_.sin_port == b.v4_.sin_port;
  return a.family() != AF_INET6 || (std::memcmp(&a.v6_.sin6_addr, &b.v6_.sin6_addr, sizeof(in6_addr)) == 0 &&
                                    a.v6_.sin6_port == b.v6_.sin6_port && a.v6_.sin6_scope_id == b.v6_.sin6_scope_id);
}

}  // namespace forgepool::transport
