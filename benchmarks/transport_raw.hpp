#pragma once
/// The floor: a plain TCP connection over loopback, no encryption, bytes echoed as they come, both directions busy.
#include <cstddef>

namespace bench {

/// Megabytes (10^6) per second, each way.
double raw_echo_mb_per_s(std::size_t total_bytes);

}  // namespace bench
