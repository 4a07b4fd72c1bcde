#pragma once
/// Slows down those who guess join tokens: who failed a few times from one address has to wait ever after. The secret has 128
/// bits and more, so nobody guesses it; this keeps the attempt from costing the hub its time and its log. No I/O, no clock.
#include <forgepool/time.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace forgepool::hub {

class GuessLimiter {
 public:
  static constexpr double burst = 10;                             ///< Failures at once.
  static constexpr Duration recovery = std::chrono::seconds(10);  ///< For each further one.
  static constexpr std::size_t max_addresses = 10'000;            ///< Remembered at once.

  /// False if this address has to wait. `address` as in Peer::address; an IPv6 /64 is one address.
  bool may_try(std::string_view address, Time now);
  void failed(std::string_view address, Time now);

 private:
  struct Failures {
    double count = 0;
    Time at{};
  };
  static double left_of(const Failures& failures, Time now);
  void make_room(Time now);

  std::unordered_map<std::string, Failures> failures_;
};

/// What one site can hardly have many of: the IPv4 address, or the first 64 bits of the IPv6 address, of "192.0.2.1:4433" or
/// "[2001:db8::1]:4433"; other texts stand for themselves.
std::string site_of(std::string_view address);

}  // namespace forgepool::hub
