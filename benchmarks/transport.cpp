// What the QUIC transport costs: throughput beside a plain TCP connection in the same run, requests and handshakes per second.
// Two processes, each on its own CPU. Prints a table, and one JSON object as its last line.
#include "transport_processes.hpp"
#include "transport_quic.hpp"
#include "transport_raw.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

namespace {

// The median of an odd number of runs; every run has a fresh pair of processes.
double median(unsigned runs, const std::function<double()>& measure) {
  std::vector<double> values;
  for (unsigned i = 0; i < runs; ++i) values.push_back(measure());
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned runs = argc > 1 ? static_cast<unsigned>(std::max(1, std::atoi(argv[1]))) : 5;
  constexpr std::size_t total = 1u << 30, message = 16u << 20;
  const bool real_time = bench::take_cpu(bench::last_cpu());

  const double raw = median(runs, [] { return bench::raw_echo_mb_per_s(total); });
  const double echo = median(runs, [] { return bench::quic_echo_mb_per_s(message, 4, total); });
  const double echo_single = median(runs, [] { return bench::quic_echo_mb_per_s(message, 1, total / 2); });
  std::vector<bench::Requests> samples;
  const double requests = median(runs, [&] {
    samples.push_back(bench::quic_requests(64, 100, 2));
    return samples.back().per_s;
  });
  const auto sample = *std::ranges::find(samples, requests, &bench::Requests::per_s);
  const double requests_single = median(runs, [] { return bench::quic_requests(64, 1, 1).per_s; });
  const double handshakes = median(runs, [] { return bench::quic_handshakes_per_s(8, 2); });

  std::printf("median of %u runs, two processes on their own CPUs%s\n", runs, real_time ? ", real-time priority" : "");
  std::printf("%-58s %12.0f MB/s each way\n", "floor: TCP over loopback, no encryption, echo", raw);
  std::printf("%-58s %12.0f MB/s each way (%.2f of the floor)\n", "QUIC echo, 16 MiB requests, 4 in flight", echo, echo / raw);
  std::printf("%-58s %12.0f MB/s\n", "QUIC echo, 16 MiB requests, one after the other", echo_single);
  std::printf("%-58s %12.0f /s, p50 %.0f us, p99 %.0f us\n", "requests of 64 bytes, 100 in flight", requests, sample.p50_us, sample.p99_us);
  std::printf("%-58s %12.0f /s\n", "requests of 64 bytes, one after the other", requests_single);
  std::printf("%-58s %12.0f /s\n", "mutual TLS 1.3 handshakes (P-256), each with one request", handshakes);
  std::printf("{\"echo_vs_raw\": %.3f, \"rpc_per_s\": %.0f, \"handshakes_per_s\": %.0f, \"raw_mb_per_s\": %.0f, \"echo_mb_per_s\": %.0f, "
              "\"echo_single_mb_per_s\": %.0f, \"rpc_single_per_s\": %.0f, \"rpc_p50_us\": %.0f, \"rpc_p99_us\": %.0f}\n",
              echo / raw, requests, handshakes, raw, echo, echo_single, requests_single, sample.p50_us, sample.p99_us);
  return 0;
}
