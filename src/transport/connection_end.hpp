#pragma once
/// Why a QUIC connection ended, in words for the callers that wait on it and for the log.
#include "transport/quic_libraries.hpp"

#include <forgepool/result.hpp>

#include <optional>
#include <string>

namespace forgepool::transport {

struct ConnectionEnd {
  /// What requests under way fail with: unauthenticated if either side refused the other, unavailable otherwise.
  Error error;
  /// Set if this side refused the peer: the reason, for this side's log only.
  std::optional<std::string> refusal;
};

/// The peer sent a CONNECTION_CLOSE. `peer` is its address.
ConnectionEnd ended_by_peer(const ngtcp2_ccerr& error, const std::string& peer);
/// This side refused the peer during the handshake.
ConnectionEnd ended_by_refusal(const std::string& reason, const std::string& peer);
/// The library gave up with one of its error codes.
ConnectionEnd ended_by_error(int library_error, bool established, const std::string& peer);
/// This side closed it, or the peer has lost its state (stateless reset).
ConnectionEnd ended_here(const std::string& peer);
ConnectionEnd ended_by_reset(const std::string& peer);

}  // namespace forgepool::transport
