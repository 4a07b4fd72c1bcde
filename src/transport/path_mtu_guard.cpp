#include "transport/path_mtu_guard.hpp"

#include <algorithm>

namespace forgepool::transport {
namespace {

constexpr std::uint64_t enough = 3;                         // Large datagrams without an answer, and losses among them.
constexpr int probe_timeouts = 3;                           // For which that must last, but
constexpr Duration least = std::chrono::seconds(1);         // at least so long, and
constexpr Duration silence = std::chrono::seconds(5);       // so long where nothing comes back: a busy peer is no narrow path.
constexpr Duration raise_after = std::chrono::minutes(10);  // RFC 8899's PMTU_RAISE_TIMER.

}  // namespace

void PathMtuGuard::sent(std::size_t bytes, Counters counters, Time now) {
  if (bytes <= base_bytes) return;
  if (large_++ != 0) return;
  first_large_at_ = now;
  before_ = counters;
}

void PathMtuGuard::arrived(std::uint64_t bytes) {
  if (bytes > base_bytes) large_ = 0;
}

void PathMtuGuard::look(Counters counters, Duration pto, Time now) {
  if (limit_ != unlimited) {
    // Perhaps the path has become wider again; if not, that shows soon.
    if (now - limited_at_ >= raise_after) limit_ = unlimited;
    return;
  }
  if (counters.received != received_) {
    received_ = counters.received;
    received_at_ = now;
  }
  const Duration since = now - first_large_at_;
  if (large_ < enough || since < std::max(probe_timeouts * pto, least)) return;
  // Small requests that share a large datagram prove nothing when they arrive: there must have been losses, too.
  const bool silent = now - std::max(received_at_, first_large_at_) >= silence;
  if (!silent && counters.lost - before_.lost < enough) return;
  limit_ = base_bytes;
  limited_at_ = now;
  large_ = 0;
}

}  // namespace forgepool::transport
