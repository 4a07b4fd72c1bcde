#include "hub/guess_limiter.hpp"

#include <algorithm>
#include <array>

#include <arpa/inet.h>

namespace forgepool::hub {

std::string site_of(std::string_view address) {
  const auto colon = address.rfind(':');
  std::string host(address.substr(0, colon));
  if (host.size() < 2 || host.front() != '[' || host.back() != ']') return host;
  host = host.substr(1, host.size() - 2);
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET6, host.c_str(), bytes.data()) != 1) return host;
  const bool is_ipv4 =
      std::ranges::all_of(bytes.begin(), bytes.begin() + 10, [](auto byte) { return byte == 0; }) && bytes[10] == 0xff;
  return is_ipv4 ? std::string(bytes.begin() + 12, bytes.end()) : std::string(bytes.begin(), bytes.begin() + 8);
}

double GuessLimiter::left_of(const Failures& failures, Time now) {
  const std::chrono::duration<double> passed = std::max<Duration>(now - failures.at, {});
  return std::max(0.0, failures.count - passed / std::chrono::duration<double>(recovery));
}

bool GuessLimiter::may_try(std::string_view address, Time now) {
  const auto found = failures_.find(site_of(address));
  return found == failures_.end() || left_of(found->second, now) <= burst - 1;
}

void GuessLimiter::failed(std::string_view address, Time now) {
  if (failures_.size() >= max_addresses) make_room(now);
  auto& failures = failures_[site_of(address)];
  failures = {left_of(failures, now) + 1, now};
}

// Those whose failures are forgotten anyway; if there are none, everybody's: better to forgive than to grow.
void GuessLimiter::make_room(Time now) {
  if (std::erase_if(failures_, [&](const auto& entry) { return left_of(entry.second, now) == 0; }) == 0) failures_.clear();
}

}  // namespace forgepool::hub
