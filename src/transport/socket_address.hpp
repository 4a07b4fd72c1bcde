#pragma once
/// An IPv4 or IPv6 address with a port, as the socket calls take it.
#include <forgepool/result.hpp>

#include <cstdint>
#include <string>

#include <netinet/in.h>
#include <sys/socket.h>

namespace forgepool::transport {

class SocketAddress {
 public:
  /// No address: family AF_UNSPEC, size 0.
  SocketAddress();

  /// An address literal ("127.0.0.1", "::1"), never a name; invalid_input otherwise.
  static Result<SocketAddress> parse(const std::string& literal, std::uint16_t port);
  /// From what a socket call gave; no address if it is neither IPv4 nor IPv6.
  static SocketAddress from(const sockaddr* address, socklen_t size);

  int family() const { return any_.sa_family; }
  const sockaddr* data() const { return &any_; }
  sockaddr* data() { return &any_; }
  socklen_t size() const;
  std::uint16_t port() const;
  void set_port(std::uint16_t port);
  /// 0.0.0.0 or ::, which a listener that serves every interface is bound to.
  bool is_wildcard() const;
  /// What one site can hardly have many of: the IPv4 address, or the first 64 bits of the IPv6 address. Bytes, as a key.
  std::string site() const;
  /// "127.0.0.1:4433" or "[::1]:4433".
  std::string str() const;

  friend bool operator==(const SocketAddress& a, const SocketAddress& b);

 private:
  union {
    sockaddr any_;
    sockaddr_in v4_;
    sockaddr_in6 v6_;
  };
};

}  // namespace forgepool::transport
