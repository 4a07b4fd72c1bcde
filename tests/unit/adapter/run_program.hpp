#pragma once
/// Runs an adapter's program on one shard of a plan, in a folder of its own and without a sandbox.
#include <forgepool/adapter.hpp>

#include <catch2/catch_test_macros.hpp>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

namespace forgepool::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "forgepool-test-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline void write_bytes(const std::filesystem::path& path, ByteView bytes, bool executable = false) {
  std::ofstream file(path, std::ios::binary);
  file << as_text(bytes) << std::flush;
  REQUIRE(file);
  file.close();
  if (executable) std::filesystem::permissions(path, std::filesystem::perms::owner_all);
}

inline Bytes read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  INFO(path);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::shared_ptr<const AdapterPackage> built_package(const std::string& name) {
  auto package = open_adapter(read_bytes(std::filesystem::path(FORGEPOOL_PACKAGES_DIR) / name));
  INFO((package ? "" : package.error().message));
  REQUIRE(package.has_value());
  return *package;
}

/// Runs programs in a folder each, and isolates nothing: they are told where the folders are that a sandbox calls /in and /out.
class PlainRuns final : public Sandbox {
 public:
  std::string_view name() const override { return "plain"; }
  SandboxLevel level() const override { return SandboxLevel::process; }

  SandboxReport run(const SandboxRequest& request) override {
    TemporaryFolder folder;
    const auto in = folder.path() / "in", out = folder.path() / "out", program = folder.path() / "program";
    std::filesystem::create_directory(in);
    std::filesystem::create_directory(out);
    write_bytes(program, *request.program, true);
    for (const SandboxFile& file : request.files) write_bytes(in / file.name, *file.content, file.executable);

    std::string arguments[] = {program.string(), "--in", in.string(), "--out", out.string()};
    char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(),
                    arguments[3].data(), arguments[4].data(), nullptr};
    char* environment[] = {nullptr};
    pid_t child = 0;
    REQUIRE(::posix_spawn(&child, argv[0], nullptr, nullptr, argv, environment) == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    SandboxReport report;
    report.outcome.kind = WIFEXITED(status) ? SandboxOutcome::Kind::exited : SandboxOutcome::Kind::signalled;
    report.outcome.code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
    if (report.outcome.ok()) report.outputs["result"] = read_bytes(out / "result");
    return report;
  }
};

inline SandboxRequest request_for(const AdapterPackage& package, const ShardSpec& shard,
                                  const std::map<Digest, Bytes>& inputs) {
  SandboxRequest request;
  request.program_digest = package.program_digest();
  request.program = package.program();
  request.files.push_back({"params.json", std::make_shared<const Bytes>(to_bytes(shard.params)), false});
  for (const ShardInput& input : shard.inputs)
    request.files.push_back({input.name, std::make_shared<const Bytes>(inputs.at(input.digest)), input.executable});
  return request;
}

/// The shard's output, or how it ended in words.
inline std::string run_shard(const AdapterPackage& package, const ShardSpec& shard,
                             const std::map<Digest, Bytes>& inputs = {}) {
  PlainRuns sandbox;
  const SandboxReport report = package.run(request_for(package, shard, inputs), sandbox);
  return report.outcome.ok() ? to_text(report.outputs.at("result")) : describe(report.outcome);
}

inline std::vector<std::string> run_all(const AdapterPackage& package, const Plan& plan,
                                        const std::map<Digest, Bytes>& inputs = {}) {
  std::vector<std::string> outputs;
  for (const ShardSpec& shard : plan.shards) outputs.push_back(run_shard(package, shard, inputs));
  return outputs;
}

inline std::string reduce_all(const AdapterPackage& package, const Contract& job, const std::vector<std::string>& outputs) {
  std::vector<ByteView> views;
  for (const std::string& output : outputs) {
    INFO(output.substr(0, 300));
    const auto checked = package.check_output(job, as_bytes(output));
    INFO((checked ? "" : checked.error().message));
    CHECK(checked.has_value());
    views.push_back(as_bytes(output));
  }
  const auto result = package.reduce(job, views);
  INFO((result ? "" : result.error().message));
  REQUIRE(result.has_value());
  return *result;
}

inline Contract contract_of(const std::string& text) {
  auto contract = parse_contract(text);
  INFO((contract ? "" : contract.error().message));
  REQUIRE(contract.has_value());
  return *contract;
}

}  // namespace forgepool::test
