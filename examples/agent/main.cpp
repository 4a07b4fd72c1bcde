// An agent: the library's default parts, options from the command line.
#include "faults.hpp"

#include <forgepool/address.hpp>
#include <forgepool/backends/bubblewrap_sandbox.hpp>
#include <forgepool/backends/linux_sandbox.hpp>
#include <forgepool/backends/quic_transport.hpp>
#include <forgepool/defaults.hpp>
#include <forgepool/numeric_class.hpp>
#include <forgepool/promise.hpp>

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <thread>

#include <sys/signalfd.h>
#include <unistd.h>

using namespace forgepool;

namespace {

int complain(const Error& error) {
  std::fprintf(stderr, "forgepool-agent: error: %s\n", error.message.c_str());
  switch (error.kind) {
    case ErrorKind::invalid_input:
    case ErrorKind::not_found: return 2;
    case ErrorKind::unauthenticated:
    case ErrorKind::denied: return 4;
    default: return 6;
  }
}

int block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

Result<std::unique_ptr<Sandbox>> open_sandbox(const std::string& backend, SandboxLevel minimum) {
  if (backend != "bubblewrap") return open_linux_sandbox({minimum});
  if (minimum > SandboxLevel::bubblewrap)
    return fail(ErrorKind::unsupported,
                "--sandbox bubblewrap reaches level bubblewrap only: add --allow-sandbox-level bubblewrap");
  return open_bubblewrap_sandbox();
}

}  // namespace

int main(int argc, char** argv) {
  std::string credentials_directory, hub = "127.0.0.1:4433", backend = "linux", level = "full", fault;
  AgentOptions options;
  options.slots = std::max(1u, std::thread::hardware_concurrency());
  std::string relaxations = "spawn";
  bool verbose = false;
  CLI::App app{"Agent of a forgepool: runs shards in a sandbox and signs receipts"};
  app.add_option("--credentials", credentials_directory, "Directory made by `forgepool agent enroll`")
      ->envname("FORGEPOOL_CREDENTIALS")
      ->required();
  app.add_option("--hub", hub, "ADDRESS:PORT of the hub, like 192.0.2.1:4433 or [2001:db8::1]:4433")
      ->envname("FORGEPOOL_HUB")
      ->capture_default_str();
  app.add_option("--slots", options.slots, "Shards that run at once")->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--shards-per-lease", options.max_shards_per_lease, "Shards asked for at once")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--allow-sandbox-level", level,
                 "Weakest isolation to run at: full, namespaces (an unprivileged user without a delegated cgroup), bubblewrap, "
                 "process, none")
      ->take_last()
      ->capture_default_str();
  app.add_option(
         "--allow-relaxations", relaxations,
         "What programs may be allowed beyond what every program may: none, or some of spawn, memory_files, local_sockets, "
         "executable_memory, with commas between them. Shards that ask for more do not come here")
      ->take_last()
      ->capture_default_str();
  app.add_option("--sandbox", backend, "linux, or bubblewrap: the program bwrap (with --allow-sandbox-level bubblewrap)")
      ->check(CLI::IsMember({"linux", "bubblewrap"}))
      ->capture_default_str();
  app.add_option("--fault", fault,
                 "TEST KNOB: misbehave openly (corrupt-result, lazy-result, wrong-step, rounds-differently, other-arguments)");
  app.add_flag("--verbose", verbose, "Log more");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  const int signals = block_signals();
  const auto place = parse_network_address(hub);
  if (!place) return complain({ErrorKind::invalid_input, "--hub (or FORGEPOOL_HUB): " + place.error().message});
  options.hub_address = place->host;
  options.hub_port = place->port;
  const auto minimum = parse_sandbox_level(level);
  if (!minimum) return complain({ErrorKind::invalid_input, "--allow-sandbox-level: " + minimum.error().message});

  const auto granted = parse_sandbox_policy(relaxations);
  if (!granted) return complain({ErrorKind::invalid_input, "--allow-relaxations: " + granted.error().message});
  options.granted = *granted;

  auto credentials = load_credentials(credentials_directory);
  if (!credentials) return complain(credentials.error());
  auto log = make_stderr_log("agent", verbose ? LogLevel::debug : LogLevel::info);
  auto sandbox = open_sandbox(backend, *minimum);
  if (!sandbox) return complain(sandbox.error());
  auto numeric_class = measure_numeric_class(**sandbox);
  if (numeric_class)
    options.numeric_class = std::move(*numeric_class);
  else
    log->write(LogLevel::warning, "numeric_class_unknown", {{"reason", numeric_class.error().message}});
  auto faulty = forgepool_agent::with_fault(std::move(*sandbox), fault);
  if (!faulty) return complain(faulty.error());
  if (!fault.empty()) log->write(LogLevel::warning, "fault_injected", {{"fault", fault}});

  options.on_renewed = [&](const Credentials& renewed) { return update_credentials(renewed, credentials_directory); };
  options.on_promise = [&](std::string_view promise) { return keep_promise(credentials_directory, promise); };
  auto loop = make_event_loop({options.slots + 2});
  AgentParts parts;
  QuicTransportOptions quic;
  quic.log = log;
  parts.transport = make_quic_transport(*loop, quic);
  parts.sandbox = std::move(*faulty);
  parts.log = log;
  log->write(LogLevel::info, "starting",
             {{"agent", credentials->name},
              {"hub", hub},
              {"sandbox", std::string(to_string(parts.sandbox->level()))},
              {"numeric_class", options.numeric_class}});
  auto agent = start_agent(*loop, std::move(*credentials), std::move(parts), options);
  if (!agent) return complain(agent.error());

  bool stopping = false;
  auto signal_watch = loop->watch(signals, Readiness::readable, [&] {
    signalfd_siginfo info;
    if (::read(signals, &info, sizeof info) != sizeof info) return;
    // The first signal lets the leases at hand finish; the second does not.
    if (std::exchange(stopping, true))
      loop->stop();
    else
      (*agent)->drain([&] { loop->stop(); });
  });
  std::unique_ptr<Subscription> refusal_check;
  std::function<void()> check = [&] {
    if (!(*agent)->statistics().refused.empty()) return loop->stop();
    refusal_check = loop->after(std::chrono::milliseconds(500), check);
  };
  check();
  loop->run();
  const std::string refused = (*agent)->statistics().refused;
  signal_watch.reset();
  refusal_check.reset();
  agent->reset();
  if (refused.empty()) return 0;
  // It may be the hub that refuses, or this agent: the reason says which.
  std::fprintf(stderr, "forgepool-agent: no work for this hub: %s\n", refused.c_str());
  return 4;
}
