#pragma once
/// TLS sessions that this node may resume as a client (RFC 8446, section 2.2), by what they were made with: the peer's address
/// and the certificate that this node showed. Each is used once. Bounded; loop thread only.
#include "transport/quic_libraries.hpp"

#include <forgepool/digest.hpp>
#include <forgepool/time.hpp>

#include <deque>
#include <string>
#include <utility>

namespace forgepool::transport {

class SessionCache {
 public:
  using Key = std::pair<std::string, Digest>;

  /// Replaces what was there under this key.
  void put(const Key& key, bssl::UniquePtr<SSL_SESSION> session, Time expires);
  /// Null if there is none in force.
  bssl::UniquePtr<SSL_SESSION> take(const Key& key, Time now);

 private:
  struct Entry {
    Key key;
    bssl::UniquePtr<SSL_SESSION> session;
    Time expires;
  };
  static constexpr std::size_t max_sessions = 64;
  std::deque<Entry> entries_;  ///< Oldest first.
};

}  // namespace forgepool::transport
