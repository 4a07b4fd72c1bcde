#pragma once
/// Where a node listens, as people write it.
#include <forgepool/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace forgepool {

struct NetworkAddress {
  std::string host;  ///< An IPv4 or IPv6 literal, without brackets: names are not looked up.
  std::uint16_t port = 0;

  friend bool operator==(const NetworkAddress&, const NetworkAddress&) = default;
};

/// "192.0.2.1:4433" or "[2001:db8::1]:4433". With `default_port` the port may be missing, and then an IPv6 literal needs no
/// brackets. invalid_input otherwise, saying how it is written.
FORGEPOOL_API Result<NetworkAddress> parse_network_address(std::string_view text,
                                                           std::optional<std::uint16_t> default_port = std::nullopt);

}  // namespace forgepool
