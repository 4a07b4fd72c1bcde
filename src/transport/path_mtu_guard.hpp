#pragma once
/// Notices that a path no longer carries what it carried (RFC 8899, section 4.3): datagrams above the smallest size that QUIC
/// asks of every path vanish, while smaller ones arrive and keep the connection alive. ngtcp2 only ever searches upwards.
/// No clock, no I/O.
#include <forgepool/time.hpp>

#include <cstddef>
#include <cstdint>

namespace forgepool::transport {

class PathMtuGuard {
 public:
  static constexpr std::size_t base_bytes = 1200;  ///< RFC 9000, section 14.

  /// What the library has counted.
  struct Counters {
    std::uint64_t received = 0, lost = 0;  ///< Packets.
  };

  /// A datagram of this size went out; no probe.
  void sent(std::size_t bytes, Counters counters, Time now);
  /// So many bytes of a stream, one after the other, have arrived: more than a small datagram holds proves that larger ones do.
  void arrived(std::uint64_t bytes);
  /// Decides anew. `pto`: the probe timeout (RFC 9002).
  void look(Counters counters, Duration pto, Time now);
  /// No larger datagram may be sent.
  std::size_t limit() const { return limit_; }

 private:
  static constexpr std::size_t unlimited = 65535;

  std::size_t limit_ = unlimited;
  Time limited_at_{};
  // Since the last proof.
  std::uint64_t large_ = 0;
  Time first_large_at_{};
  Counters before_;
  // When something last came.
  std::uint64_t received_ = 0;
  Time received_at_{};
};

}  // namespace forgepool::transport
