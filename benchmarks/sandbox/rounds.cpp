#include "rounds.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace bench {
namespace {

constexpr auto rest = std::chrono::milliseconds(6);
/// The part of a round in which somebody had to wait for a processor.
constexpr double most_pressure = 0.12;
constexpr int most_urgent = -20;

/// Microseconds in which somebody waited for a processor, since the machine started; 0 where the kernel does not count them.
double cpu_pressure_us() {
  double total = 0;
  if (std::FILE* file = std::fopen("/proc/pressure/cpu", "r")) {
    if (std::fscanf(file, "some avg10=%*f avg60=%*f avg300=%*f total=%lf", &total) != 1) total = 0;
    std::fclose(file);
  }
  return total;
}

struct Sample {
  std::size_t contestant;
  double us;
};

}  // namespace

GoFirst::GoFirst() {
  double load = 0;
  if (getloadavg(&load, 1) != 1 || load < 1.5) return;
  // Not a real-time class: runc cannot put such a process into a cgroup of the cpu controller.
  granted_ = setpriority(PRIO_PROCESS, 0, most_urgent) == 0;
}

GoFirst::~GoFirst() {
  if (granted_) setpriority(PRIO_PROCESS, 0, 0);
}

double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double Contestant::median() const {
  return median_of(us);
}

double now_us() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

unsigned compete(std::vector<Contestant>& contestants, unsigned rounds, double budget_s) {
  for (auto& contestant : contestants) contestant.run();  // Caches and pools are warm.
  const double end = now_us() + budget_s * 1e6;
  std::vector<Sample> disturbed;
  unsigned accepted = 0, rejected = 0;
  for (unsigned round = 0; accepted < rounds && now_us() < end; ++round) {
    std::vector<Sample> samples;
    double pressure = 0, busy = 0;
    for (std::size_t i = 0; i < contestants.size(); ++i) {
      if (accepted % contestants[i].every != 0) continue;
      std::this_thread::sleep_for(rest);
      const double waited = cpu_pressure_us(), before = now_us();
      contestants[i].run();
      const double took = now_us() - before;
      samples.push_back({i, took});
      pressure += cpu_pressure_us() - waited;
      busy += took;
    }
    const bool quiet = pressure < busy * most_pressure;
    for (const auto& sample : samples) {
      if (quiet)
        contestants[sample.contestant].us.push_back(sample.us);
      else
        disturbed.push_back(sample);
    }
    ++(quiet ? accepted : rejected);
  }
  if (accepted >= std::min(rounds, 20u)) return rejected;
  for (const auto& sample : disturbed) contestants[sample.contestant].us.push_back(sample.us);
  return 0;
}

}  // namespace bench
