#pragma once
/// A QUIC connection id as the key of a listener's routing table. The first id of a connection is chosen by the client, so the
/// hash is keyed: else anyone could choose ids that all fall into one bucket.
#include "transport/quic_libraries.hpp"

#include <forgepool/bytes.hpp>

#include <algorithm>
#include <array>

namespace forgepool::transport {

struct ConnectionId {
  explicit ConnectionId(ByteView id) : size(static_cast<std::uint8_t>(std::min(id.size(), bytes.size()))) {
    std::copy_n(id.begin(), size, bytes.begin());
  }

  std::array<std::uint8_t, NGTCP2_MAX_CIDLEN> bytes{};
  std::uint8_t size;

  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

class ConnectionIdHash {
 public:
  ConnectionIdHash() { RAND_bytes(reinterpret_cast<std::uint8_t*>(key_.data()), sizeof key_); }
  std::size_t operator()(const ConnectionId& id) const { return SIPHASH_24(key_.data(), id.bytes.data(), id.size); }

 private:
  std::array<std::uint64_t, 2> key_;
};

}  // namespace forgepool::transport
