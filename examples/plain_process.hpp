#pragma once
/// A sandbox that does not isolate: shards run as plain child processes of the agent. For programs that you wrote yourself, on
/// machines that are yours. Receipts say so: level "process".
#include <forgepool/sandbox.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <span>

#include <spawn.h>
#include <sys/wait.h>

/// Runs the program in a fresh directory with `--in DIR --out DIR`, which the adapters of this repository understand.
class PlainProcess final : public forgepool::Sandbox {
 public:
  explicit PlainProcess(std::span<const char* const> environment = forgepool::surroundings::environment)
      : environment_(environment) {}

  std::string_view name() const override { return "plain-process"; }
  forgepool::SandboxLevel level() const override { return forgepool::SandboxLevel::process; }
  /// The adapter asks for class strict. That nothing but the request gets into its results is enforced by nobody here: it is
  /// our word, for a program of our own. What surrounds it we give as far as a process can be given it (its environment; its
  /// umask is this process's), and for the rest (user, names, numbers) it is our word that the program does not ask.
  std::vector<forgepool::SandboxLimitation> limitations() const override {
    using enum forgepool::SandboxLimitation;
    return {no_isolation, no_group_limits, no_cpu_time_limit, no_standard_output, cooperative_end, unnamed_violation};
  }

  forgepool::SandboxReport run(const forgepool::SandboxRequest& request) override {
    forgepool::SandboxReport report;
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
    std::vector<char*> variables;
    for (const char* variable : environment_) variables.push_back(const_cast<char*>(variable));
    variables.push_back(nullptr);
    pid_t child = 0;
    int status = 0;
    {
      // A child that another thread starts meanwhile must not inherit the program open for writing: it could not be executed.
      const std::lock_guard lock(spawning_);
      write(box / "program", *request.program);
      std::filesystem::permissions(box / "program", std::filesystem::perms::owner_all);
      if (::posix_spawn(&child, arguments[0].c_str(), nullptr, nullptr, argv.data(), variables.data()) != 0)
        return setup_failed(report, "posix_spawn");
    }
    ::waitpid(child, &status, 0);
    report.outcome = WIFEXITED(status)
                         ? forgepool::SandboxOutcome{forgepool::SandboxOutcome::Kind::exited, WEXITSTATUS(status), ""}
                         : forgepool::SandboxOutcome{forgepool::SandboxOutcome::Kind::signalled, WTERMSIG(status), ""};
    if (report.outcome.ok())
      for (const auto& entry : std::filesystem::directory_iterator(box / "out"))
        report.outputs[entry.path().filename().string()] = read(entry.path());
    std::filesystem::remove_all(box);
    return report;
  }

 private:
  static forgepool::SandboxReport setup_failed(forgepool::SandboxReport& report, const char* step) {
    report.outcome = {forgepool::SandboxOutcome::Kind::setup_failed, 0, step};
    return std::move(report);
  }
  const std::span<const char* const> environment_;
  inline static std::mutex spawning_;  // Of the process, as what it guards against is.

  static forgepool::Bytes read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void write(const std::filesystem::path& path, const forgepool::Bytes& content) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  }
};
