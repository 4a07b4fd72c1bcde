// What the QUIC transport costs: throughput, requests and handshakes per second, beside plain TCP and TLS over TCP in the same
// run. Two processes, each on its own CPU. Prints a table, and one JSON object as its last line.
#include "transport_processes.hpp"
#include "transport_quic.hpp"
#include "transport_tcp.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string_view>
#include <vector>

namespace {

struct Measurement {
  const char* key;
  const char* title;
  const char* unit;
  std::function<double()> run;
};

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
  const std::string_view only = argc > 2 ? argv[2] : "";  // One measurement by name, for a profiler.
  constexpr std::size_t total = 1u << 30, message = 16u << 20;
  const bool real_time = bench::take_cpu(bench::last_cpu());

  bench::Requests detail;
  const std::vector<Measurement> measurements = {
      {"raw_mb_per_s", "floor: TCP over loopback, no encryption, echo", "MB/s each way",
       [] { return bench::tcp_echo_mb_per_s(bench::Tcp::plain, total); }},
      {"tls_mb_per_s", "peer: TLS 1.3 over TCP, echo", "MB/s each way",
       [] { return bench::tcp_echo_mb_per_s(bench::Tcp::tls, total); }},
      {"echo_mb_per_s", "QUIC echo, 16 MiB requests, 4 in flight", "MB/s each way",
       [] { return bench::quic_echo_mb_per_s(message, 4, total); }},
      {"echo_single_mb_per_s", "QUIC echo, 16 MiB requests, one after the other", "MB/s",
       [] { return bench::quic_echo_mb_per_s(message, 1, total / 2); }},
      {"rpc_per_s", "requests of 64 bytes, 100 in flight", "/s",
       [&] { return (detail = bench::quic_requests(64, 100, 2)).per_s; }},
      {"rpc_single_per_s", "requests of 64 bytes, one after the other", "/s",
       [] { return bench::quic_requests(64, 1, 1).per_s; }},
      {"tls_rpc_single_per_s", "peer: TLS 1.3 over TCP, 64 bytes, one after the other", "/s",
       [] { return bench::tcp_requests_per_s(bench::Tcp::tls, 64, 1); }},
      {"tls_handshakes_per_s", "peer: mutual TLS 1.3 over TCP (P-256), with one byte", "/s",
       [] { return bench::tcp_handshakes_per_s(bench::Tcp::tls, 2); }},
      {"handshakes_per_s", "mutual TLS 1.3 handshakes (P-256), each with one request", "/s",
       [] { return bench::quic_handshakes_per_s(8, 2); }},
  };

  std::printf("median of %u runs, two processes on their own CPUs%s\n", runs, real_time ? ", real-time priority" : "");
  std::map<std::string_view, double> figures;
  for (const auto& measurement : measurements) {
    if (!only.empty() && only != measurement.key) continue;
    figures[measurement.key] = median(runs, measurement.run);
    std::printf("%-58s %12.0f %s\n", measurement.title, figures[measurement.key], measurement.unit);
    std::fflush(stdout);
  }
  if (figures.contains("rpc_per_s"))
    std::printf("%-58s %12.0f us, p99 %.0f us (last run)\n", "  their p50", detail.p50_us, detail.p99_us);
  // Ratios hold on a noisy machine better than figures do.
  struct Ratio {
    const char *key, *title, *of, *to;
  };
  for (const auto& [key, title, of, to] :
       {Ratio{"echo_vs_raw", "QUIC echo as part of the floor", "echo_mb_per_s", "raw_mb_per_s"},
        Ratio{"echo_vs_tls", "QUIC echo as part of TLS over TCP", "echo_mb_per_s", "tls_mb_per_s"},
        Ratio{"rpc_single_vs_tls", "requests one by one, as part of TLS over TCP", "rpc_single_per_s", "tls_rpc_single_per_s"},
        Ratio{"handshakes_vs_tls", "handshakes, as part of TLS over TCP", "handshakes_per_s", "tls_handshakes_per_s"}}) {
    if (!figures.contains(of) || !figures.contains(to)) continue;
    figures[key] = figures[of] / figures[to];
    std::printf("%-58s %12.3f\n", title, figures[key]);
  }
  std::printf("{");
  for (const char* separator = ""; const auto& [key, value] : figures) {
    std::printf(value < 10 ? "%s\"%s\": %.3f" : "%s\"%s\": %.0f", separator, key.data(), value);
    separator = ", ";
  }
  std::printf("}\n");
  return 0;
}
