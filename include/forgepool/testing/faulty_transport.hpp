#pragma once
/// Wraps a transport so that requests and responses are lost, late and doubled. Same seed, same calls: same faults.
///
/// What a client sees is what a broken network shows it: a request that failed with `unavailable` may have been answered or
/// not. Faults are applied on the connecting side; listeners are passed through.
#include <forgepool/event_loop.hpp>
#include <forgepool/transport.hpp>

namespace forgepool::testing {

/// Probabilities are per request, 0 to 1. All fields may be changed at any time, on the loop.
struct TransportFaults {
  double lose_request = 0;   ///< It never arrives; fails after `timeout`.
  double lose_response = 0;  ///< It is answered, but the answer never arrives; fails after `timeout`.
  double duplicate = 0;      ///< It arrives twice; the answer to the first arrival counts.
  double disconnect = 0;     ///< The connection ends instead: this and all requests under way fail at once.
  Duration min_delay{};      ///< Of each request and each response, uniformly distributed.
  Duration max_delay{};
  bool partitioned = false;  ///< Nothing arrives.
  Duration timeout = std::chrono::seconds(30);
  std::uint64_t injected = 0;  ///< Counts what went wrong so far, delays not included.
};

/// `loop` and `inner` must outlive the transport and what is made with it. `faults` is shared with the test that changes it.
FORGEPOOL_API std::unique_ptr<Transport> make_faulty_transport(EventLoop& loop, Transport& inner, std::uint64_t seed,
                                                               std::shared_ptr<TransportFaults> faults);

}  // namespace forgepool::testing
