// A sandbox of your own in place of the default one. This one runs shards as plain child processes of the agent: for programs
// that you wrote yourself, on machines that are yours. Receipts say so: level "process".
//     03_custom_sandbox adapters/noop-1.fpa contract.json
#include <forgepool/backends/duplication_verifier.hpp>
#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/backends/memory_ledger.hpp>
#include <forgepool/backends/memory_transport.hpp>
#include <forgepool/defaults.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>

#include <spawn.h>
#include <sys/wait.h>

using namespace forgepool;

template <class T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "error: %s\n", result.error().message.c_str());
  std::exit(1);
}

/// Runs the program in a fresh directory with `--in DIR --out DIR`, which the adapters of this repository understand.
class PlainProcess final : public Sandbox {
 public:
  std::string_view name() const override { return "plain-process"; }
  SandboxLevel level() const override { return SandboxLevel::process; }
  /// The adapter asks for class strict. That nothing but the request gets into its results is enforced by nobody here: it is
  /// our word, for a program of our own.
  std::vector<SandboxLimitation> limitations() const override {
    using enum SandboxLimitation;
    return {no_isolation, no_group_limits, no_cpu_time_limit, no_standard_output, cooperative_end};
  }

  SandboxReport run(const SandboxRequest& request) override {
    SandboxReport report;
    report.level = level();
    report.determinism = request.determinism;
    char pattern[] = "/tmp/forgepool-plain-XXXXXX";
    if (!::mkdtemp(pattern)) return setup_failed(report, "mkdtemp");
    const std::filesystem::path box = pattern;
    std::filesystem::create_directory(box / "in");
    std::filesystem::create_directory(box / "out");
    for (const auto& file : request.files) write(box / "in" / file.name, *file.content);

    std::vector<std::string> arguments{(box / "program").string(), "--in", (box / "in").string(), "--out",
                                       (box / "out").string()};
    arguments.insert(arguments.end(), request.arguments.begin(), request.arguments.end());
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    char* no_environment[] = {nullptr};
    pid_t child = 0;
    int status = 0;
    {
      // A child that another thread starts meanwhile must not inherit the program open for writing: it could not be executed.
      const std::lock_guard lock(spawning_);
      write(box / "program", *request.program);
      std::filesystem::permissions(box / "program", std::filesystem::perms::owner_all);
      if (::posix_spawn(&child, arguments[0].c_str(), nullptr, nullptr, argv.data(), no_environment) != 0)
        return setup_failed(report, "posix_spawn");
    }
    ::waitpid(child, &status, 0);
    report.outcome = WIFEXITED(status) ? SandboxOutcome{SandboxOutcome::Kind::exited, WEXITSTATUS(status), ""}
                                       : SandboxOutcome{SandboxOutcome::Kind::signalled, WTERMSIG(status), ""};
    if (report.outcome.ok())
      for (const auto& entry : std::filesystem::directory_iterator(box / "out"))
        report.outputs[entry.path().filename().string()] = must(read_file(entry.path().string(), request.limits.output_bytes));
    std::filesystem::remove_all(box);
    return report;
  }

 private:
  static SandboxReport setup_failed(SandboxReport& report, const char* step) {
    report.outcome = {SandboxOutcome::Kind::setup_failed, 0, step};
    return std::move(report);
  }
  inline static std::mutex spawning_;  // Of the process, as what it guards against is.

  static void write(const std::filesystem::path& path, const Bytes& content) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  }
};

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: 03_custom_sandbox ADAPTER.fpa CONTRACT.json\n"), 2;
  auto loop = make_event_loop();
  auto network = make_memory_network();
  const HubIdentity identity = must(make_hub_identity("example.pool", loop->now()));

  HubParts parts;
  parts.transport = make_memory_transport(*loop, network);
  parts.scheduler = make_fair_share_scheduler();
  parts.verifier = make_duplication_verifier();
  parts.ledger = must(make_memory_ledger(identity.trust_domain, identity.log_key));
  parts.adapters = {must(load_adapter(argv[1]))};
  auto hub = must(open_hub(*loop, identity, std::move(parts)));

  std::vector<std::unique_ptr<Agent>> agents;
  auto newcomer = make_memory_transport(*loop, network);
  hub->invite({.life = std::chrono::minutes(1), .uses = 2}, [&](Result<std::string> token) {
    for (int i = 0; i < 2; ++i)
      enrol(*newcomer, {"127.0.0.1", hub->enrolment_port(), must(token)}, [&](Result<Credentials> credentials) {
        AgentOptions options;
        options.hub_port = hub->port();
        AgentParts agent{make_memory_transport(*loop, network), std::make_unique<PlainProcess>(), nullptr};
        agents.push_back(must(start_agent(*loop, must(std::move(credentials)), std::move(agent), options)));
      });
  });

  auto client = must(connect_client(*loop, must(issue_credentials(identity, "client/me", loop->now())),
                                    make_memory_transport(*loop, network), {"127.0.0.1", hub->port()}));
  client->submit(to_text(must(read_file(argv[2], max_contract_bytes))), [&](Result<JobStatus> job) {
    client->wait(must(job).id, nullptr, [&](Result<JobStatus> end) {
      client->result(must(end).id, [&](Result<std::string> result) {
        std::printf("%s\n", must(result).c_str());
        loop->stop();
      });
    });
  });
  loop->run();
}
