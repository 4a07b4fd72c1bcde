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

/// The program's output, or its exit status as text.
inline std::string run_shard(const AdapterPackage& package, const ShardSpec& shard,
                             const std::map<Digest, Bytes>& inputs = {}) {
  TemporaryFolder folder;
  const auto in = folder.path() / "in", out = folder.path() / "out", program = folder.path() / "program";
  std::filesystem::create_directory(in);
  std::filesystem::create_directory(out);
  write_bytes(program, *package.program(), true);
  write_bytes(in / "params.json", as_bytes(shard.params));
  for (const ShardInput& input : shard.inputs) write_bytes(in / input.name, inputs.at(input.digest), input.executable);

  std::string arguments[] = {program.string(), "--in", in.string(), "--out", out.string()};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(),
                  arguments[3].data(), arguments[4].data(), nullptr};
  char* environment[] = {nullptr};
  pid_t child = 0;
  REQUIRE(::posix_spawn(&child, argv[0], nullptr, nullptr, argv, environment) == 0);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return "status " + std::to_string(status);
  return to_text(read_bytes(out / "result"));
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
