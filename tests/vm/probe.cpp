/// What is asked on each machine beside the sandbox's own tests.
///
///   vm_probe level       the level that the sandbox reaches (the others say it, too, on standard error)
///   vm_probe answers     what a strict program sees, a line "question=answer" each: the same on every machine
///   vm_probe renewals    runs of one owner, each with its time, its box and its usage; fails unless boxes are renewed
#include "sandbox_support.hpp"

#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>

namespace forgepool::sandbox_test {
namespace {

int complain(const char* what, const SandboxReport& report) {
  std::fprintf(stderr, "%s: %s\n%s\n", what, describe(report.outcome).c_str(), to_text(report.standard_error).c_str());
  return 1;
}

/// Of the folder of the sandbox's test programs. (request_for is for tests, this is none.)
SandboxRequest strict_request(const std::string& program) {
  const auto* const folder = std::getenv("FORGEPOOL_SANDBOXEES");
  std::ifstream file(std::string(folder ? folder : ".") + "/" + program, std::ios::binary);
  SandboxRequest request;
  request.program = std::make_shared<const Bytes>(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  request.program_digest = sha256(*request.program);
  request.determinism = Determinism::strict;
  request.files.push_back({"secret", std::make_shared<const Bytes>(to_bytes("content")), false});
  request.limits.wall_ms = 60'000;
  request.limits.cpu_ms = 30'000;
  request.limits.processes = 8;
  return request;
}

int print_answers(Sandbox& sandbox) {
  auto request = strict_request("nondeterminism");
  request.seed = sha256("a seed");
  request.limits.memory_bytes = 256u << 20;
  request.limits.stdio_bytes = 256u << 10;
  const auto report = sandbox.run(request);
  if (!report.outcome.ok() || report.determinism != Determinism::strict) return complain("no answers", report);
  std::fwrite(report.standard_output.data(), 1, report.standard_output.size(), stdout);
  return 0;
}

int print_renewals(Sandbox& sandbox) {
  using Clock = std::chrono::steady_clock;
  constexpr int runs = 20;
  auto request = strict_request("ordinary");
  request.arguments = {"exit", "0"};
  request.owner = "one job";
  std::map<pid_t, int> seen;  // Boxes, and after how many runs each was there.
  for (int i = 0; i < runs; ++i) {
    const auto begun = Clock::now();
    const auto report = sandbox.run(request);
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count();
    if (!report.outcome.ok()) return complain("a run failed", report);
    std::printf("run %2d: %7lld us, peak %5llu KiB, cpu %llu ms, boxes", i, static_cast<long long>(us),
                static_cast<unsigned long long>(report.usage.peak_memory_bytes >> 10),
                static_cast<unsigned long long>(report.usage.cpu_ms));
    for (const auto box : children_of(getpid(), "forgepool-box")) {
      std::printf(" %d", box);
      ++seen[box];
    }
    std::printf("\n");
  }
  const auto most = std::ranges::max_element(seen, {}, [](const auto& box) { return box.second; });
  std::printf("%zu boxes in %d runs; one was there after %d of them\n", seen.size(), runs,
              most == seen.end() ? 0 : most->second);
  if (most != seen.end() && most->second > runs / 2) return 0;
  std::fprintf(stderr, "boxes are thrown away instead of renewed\n");
  return 1;
}

int run(int count, char** arguments) {
  const auto sandbox = open_linux_sandbox({SandboxLevel::namespaces, 1});
  if (!sandbox) {
    std::fprintf(stderr, "%s\n", sandbox.error().message.c_str());
    return 1;
  }
  std::fprintf(stderr, "level %s\n", std::string(to_string((*sandbox)->level())).c_str());
  if (count == 2 && std::strcmp(arguments[1], "level") == 0) return 0;
  if (count == 2 && std::strcmp(arguments[1], "answers") == 0) return print_answers(**sandbox);
  if (count == 2 && std::strcmp(arguments[1], "renewals") == 0) return print_renewals(**sandbox);
  std::fprintf(stderr, "usage: vm_probe level|answers|renewals\n");
  return 2;
}

}  // namespace
}  // namespace forgepool::sandbox_test

int main(int count, char** arguments) {
  return forgepool::sandbox_test::run(count, arguments);
}
