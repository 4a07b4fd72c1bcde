// What a sandbox costs: from the call to the collected report, beside posix_spawn of the same program and beside other people's
// sandboxes, in one run. Prints a table, and one JSON object as its last line. Arguments: rounds, seconds at most per
// comparison.
#include "sandbox/processes.hpp"
#include "sandbox/rounds.hpp"

#include <forgepool/backends/linux_sandbox.hpp>

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

namespace {

using namespace forgepool;
using bench::median_of;
using bench::now_us;

struct Figure {
  std::string key;
  double value;
};
std::vector<Figure> figures;

[[noreturn]] void give_up(const std::string& reason) {
  std::fprintf(stderr, "bench_sandbox: %s\n", reason.c_str());
  std::exit(1);
}

std::shared_ptr<const Bytes> read_program(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) give_up("cannot read " + path);
  return std::make_shared<const Bytes>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

std::unique_ptr<Sandbox> open_sandbox(std::size_t prepared_boxes) {
  auto opened = open_linux_sandbox({SandboxLevel::namespaces, prepared_boxes});
  if (!opened) give_up(opened.error().message);
  return std::move(*opened);
}

SandboxRequest strict_request(const std::string& program, std::vector<std::string> arguments = {}) {
  SandboxRequest request;
  request.program = read_program(program);
  request.program_digest = sha256(*request.program);
  request.arguments = std::move(arguments);
  request.determinism = Determinism::strict;
  return request;
}

SandboxReport must_run(Sandbox& sandbox, const SandboxRequest& request) {
  auto report = sandbox.run(request);
  if (!report.outcome.ok()) give_up(describe(report.outcome) + " " + std::string(as_text(report.standard_error)));
  return report;
}

void must_spawn(const std::vector<std::string>& command) {
  if (!bench::run_command(command, "hello\n")) give_up(command[0] + " failed");
}

void row(const std::string& name, double us, double ratio) {
  std::printf("%-64s %9.0f us   %6.2f x\n", name.c_str(), us, ratio);
}

void figure(std::string key, double value) {
  figures.push_back({std::move(key), value});
}

// --- starting and ending ----------------------------------------------------------------------------------------------

void compare_spawning(const std::string& hello, const std::string& folder, unsigned rounds, double budget_s) {
  const bench::GoFirst priority;
  const auto pooled = open_sandbox(2), alone = open_sandbox(0);
  const auto request = strict_request(hello);
  // Never the same arguments twice: no box was prepared for them.
  auto fresh = strict_request(hello, {"0", ""});
  int number = 0;
  auto standard = request;
  standard.determinism = Determinism::standard;
  for (int i = 0; i < 3; ++i) must_run(*pooled, request);
  std::vector<std::string> missing;
  const auto peers = bench::find_peers(hello, folder, missing);

  std::vector<bench::Contestant> all = {
      {"posix_spawn, wait (floor)", [&] { must_spawn({hello}); }},
      {"strict, from prepared boxes", [&] { must_run(*pooled, request); }},
      {"strict, cold",
       [&] {
         fresh.arguments[1] = std::to_string(++number);
         must_run(*pooled, fresh);
       }},
      {"strict, cold, everything taken down before it returns", [&] { must_run(*alone, request); }},
      {"standard, cold, everything taken down before it returns", [&] { must_run(*alone, standard); }},
  };
  const auto peers_at = all.size();
  for (const auto& peer : peers) all.push_back({peer.name, [&peer] { must_spawn(peer.command); }, peer.every});
  const auto rejected = bench::compete(all, rounds, budget_s);

  std::printf("From start to end of a static hello, level %s; %zu rounds, %u thrown away (medians)\n",
              std::string(to_string(pooled->level())).c_str(), all[0].us.size(), rejected);
  if (priority.needed_and_granted()) std::printf("  (the machine is busy: measured with the highest ordinary priority)\n");
  const double floor = all[0].median();
  for (const auto& one : all) row("  " + one.name, one.median(), one.median() / floor);
  for (const auto& reason : missing) std::printf("  skipped: %s\n", reason.c_str());
  figure("spawn_vs_posix_spawn", all[1].median() / floor);
  figure("cold_spawn_vs_posix_spawn", all[2].median() / floor);
  for (std::size_t i = 0; i < peers.size(); ++i)
    figure("cold_spawn_vs_" + peers[i].name, all[2].median() / all[peers_at + i].median());
}

// --- as many as possible ----------------------------------------------------------------------------------------------

double per_second(unsigned threads, double seconds, const std::function<void()>& run) {
  const double begin = now_us(), end = begin + seconds * 1e6;
  std::atomic<unsigned> count{0};
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < threads; ++i)
    workers.emplace_back([&] {
      while (now_us() < end) {
        run();
        ++count;
      }
    });
  for (auto& worker : workers) worker.join();
  return count / (now_us() - begin) * 1e6;
}

void compare_throughput(const std::string& hello, unsigned blocks) {
  const bench::GoFirst priority;
  const auto pooled = open_sandbox(4), cold = open_sandbox(0);
  // As an agent runs the shards of one job; without an owner no box is used twice.
  auto request = strict_request(hello);
  request.owner = "one job";
  struct Way {
    const char* name;
    std::function<void()> run;
    unsigned threads;
    std::vector<double> rates{};
  };
  Way ways[] = {{"posix_spawn, 2 threads (floor)", [&] { must_spawn({hello}); }, 2},
                {"strict, 2 threads, prepared boxes", [&] { must_run(*pooled, request); }, 2},
                {"strict, 2 threads, cold", [&] { must_run(*cold, request); }, 2},
                {"strict, 4 threads, cold", [&] { must_run(*cold, request); }, 4}};
  for (unsigned block = 0; block < blocks; ++block)
    for (auto& way : ways) way.rates.push_back(per_second(way.threads, 0.4, way.run));
  std::printf("Sandboxes per second, sustained (medians of %u blocks)\n", blocks);
  const double floor = median_of(ways[0].rates);
  double best = 0;
  for (const auto& way : ways) {
    const double rate = median_of(way.rates);
    std::printf("  %-62s %9.0f /s   %6.2f x\n", way.name, rate, rate / floor);
    if (&way != ways) best = std::max(best, rate);
  }
  figure("sandboxes_per_s_vs_posix_spawn", best / floor);
}

// --- inside -------------------------------------------------------------------------------------------------------------

void measure_clock(const std::string& hello, unsigned rounds) {
  const auto cold = open_sandbox(0);
  const long calls = 20'000'000;
  const auto many = strict_request(hello, {std::to_string(calls)}), none = strict_request(hello, {"0"});
  std::vector<double> ns;
  for (unsigned i = 0; i < rounds; ++i) {
    const double begin = now_us();
    must_run(*cold, many);
    const double middle = now_us();
    must_run(*cold, none);
    ns.push_back((middle - begin - (now_us() - middle)) * 1000 / static_cast<double>(calls));
  }
  std::printf("clock_gettime in a strict program %49.1f ns\n", median_of(ns));
  figure("clock_gettime_ns", median_of(ns));
}

constexpr const char* mc_parameters =
    R"({"args":{"cat_mu":0,"cat_prob":0,"cat_sig":0,"claim_freq":2,"claim_severity_mu":7,"claim_severity_sig":1},"profile":"insurance.v1",)"
    R"("range":{"begin":0,"end":1000000},"seed":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"})";

void compare_computing(const std::string& mc, const std::string& folder, unsigned rounds) {
  const auto pooled = open_sandbox(2);
  auto request = strict_request(mc);
  request.files.push_back({"params.json", std::make_shared<const Bytes>(to_bytes(mc_parameters)), false});
  std::ofstream(folder + "/params.json") << mc_parameters;
  const std::string result = folder + "/result";
  std::vector<double> native, boxed, ratios;
  for (unsigned i = 0; i < rounds; ++i) {
    std::filesystem::remove(result);
    const double begin = now_us();
    if (!bench::run_command({mc, "--in", folder, "--out", folder}, "")) give_up(mc + " failed");
    const double middle = now_us();
    must_run(*pooled, request);
    native.push_back(middle - begin);
    boxed.push_back(now_us() - middle);
    ratios.push_back(native.back() / boxed.back());
  }
  std::printf("One shard of mc@1, 1,000,000 simulated years (medians of %u)\n", rounds);
  row("  as a plain process (floor)", median_of(native), 1);
  row("  strict", median_of(boxed), 1 / median_of(ratios));
  figure("mc_vs_native", median_of(ratios));
}

}  // namespace

int main(int count, char** arguments) {
  const auto rounds = count > 1 ? static_cast<unsigned>(std::max(1, std::atoi(arguments[1]))) : 200u;
  const double budget_s = count > 2 ? std::atof(arguments[2]) : 120;
  bench::leave_hybrid_cgroups();
  std::string folder = (std::filesystem::temp_directory_path() / "forgepool-bench-XXXXXX").string();
  if (!mkdtemp(folder.data())) give_up("cannot make a temporary folder");
  const std::string hello = FORGEPOOL_BENCH_HELLO, mc = FORGEPOOL_BENCH_MC;
  compare_spawning(hello, folder, rounds, budget_s);
  compare_throughput(hello, 7);
  measure_clock(hello, 5);
  compare_computing(mc, folder, 7);
  std::filesystem::remove_all(folder);
  std::printf("{");
  for (std::size_t i = 0; i < figures.size(); ++i)
    std::printf("%s\"%s\": %.3f", i == 0 ? "" : ", ", figures[i].key.c_str(), figures[i].value);
  std::printf("}\n");
  return 0;
}
