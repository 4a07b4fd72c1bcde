#include "mc/profiles.hpp"

#include "common/exact_math.hpp"
#include "common/philox.hpp"

namespace mc {

using namespace adapter_program;

Summary run_eta(const Params& params) {
  const double base = params.number("args/base_ms");
  const double traffic_mean = params.number("args/traffic_mean_ms"), traffic_deviation = params.number("args/traffic_sd_ms");
  const auto weather_below = static_cast<std::uint64_t>(params.number("args/weather_prob") * 0x1p53);
  const double weather_delay = params.number("args/weather_delay_ms");
  const auto incident_below = static_cast<std::uint64_t>(params.number("args/incident_prob") * 0x1p53);
  const double incident_delay = params.number("args/incident_delay_ms");
  const auto seed = StreamSeed::from_hex(params.string("seed"));

  Summary times;
  const std::uint64_t end = params.integer("range/end");
  for (std::uint64_t trip = params.integer("range/begin"); trip < end; ++trip) {
    IterationStream stream(seed, trip);
    double time = base + (traffic_mean + traffic_deviation * normal_quantile(open_uniform(stream.next())));
    if (stream.next() >> 11 < weather_below) time += weather_delay;
    if (stream.next() >> 11 < incident_below) time += incident_delay;
    times.add_rounded(time);
  }
  return times;
}

}  // namespace mc
