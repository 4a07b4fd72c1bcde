#include "process_pool.hpp"

#include <forgepool/backends/linux_sandbox.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include <unistd.h>

namespace forgepool_test {

std::string sandbox_level() {
  static const std::string level = forgepool::open_linux_sandbox({forgepool::SandboxLevel::full}) ? "full" : "namespaces";
  return level;
}

ProcessPool::ProcessPool(const std::function<std::vector<std::string>(const ProcessPool&)>& key_options) {
  if (key_options) key_options_ = key_options(*this);
  std::vector<std::string> command{programs + "/forgepool", "hub",      "init", "--data", path("hub"),
                                   "--trust-domain",        "test.pool"};
  command.insert(command.end(), key_options_.begin(), key_options_.end());
  const auto made = run(command);
  INFO(made.errors);
  REQUIRE(made.code == 0);
}

void ProcessPool::start_hub(const std::vector<std::string>& options) {
  std::filesystem::remove(path("ports"));
  std::vector<std::string> command{programs + "/forgepool-hub",
                                   "--data",
                                   path("hub"),
                                   "--port",
                                   std::to_string(port_),
                                   "--enrol-port",
                                   std::to_string(enrolment_port_),
                                   "--port-file",
                                   path("ports"),
                                   "--adapter",
                                   packages + "/mc-1.fpa",
                                   "--adapter",
                                   packages + "/exec-1.fpa",
                                   "--adapter",
                                   packages + "/noop-1.fpa",
                                   "--adapter",
                                   packages + "/orbit-1.fpa",
                                   "--adapter",
                                   packages + "/table-1.fpa",
                                   "--adapter",
                                   packages + "/walk-1.fpa"};
  command.insert(command.end(), options.begin(), options.end());
  command.insert(command.end(), key_options_.begin(), key_options_.end());
  hub_ = Process(command, {path("hub.log"), std::nullopt});
  const bool listening = eventually([&] { return std::filesystem::exists(path("ports")) || !hub_.running(); });
  INFO(logs());
  REQUIRE(listening);
  REQUIRE(hub_.running());
  std::ifstream(path("ports")) >> port_ >> enrolment_port_;  // The same ports again after a restart.
  address_ = "127.0.0.1:" + std::to_string(port_);
  enrolment_address_ = "127.0.0.1:" + std::to_string(enrolment_port_);
}

void ProcessPool::enrol_agent(const std::string& name, const std::vector<std::string>& attested) {
  std::vector<std::string> invite{"hub", "invite"};
  invite.insert(invite.end(), attested.begin(), attested.end());
  const auto token = cli(invite).at("join_token").get<std::string>();
  const auto enrolled =
      run({programs + "/forgepool", "--hub", enrolment_address_, "agent", "enroll", "--join", token, "--output", path(name)});
  INFO(enrolled.errors);
  REQUIRE(enrolled.code == 0);
}

void ProcessPool::start_agent(const std::string& name, const std::vector<std::string>& options, std::optional<uid_t> user) {
  const std::string credentials = path(name);
  if (!std::filesystem::exists(credentials)) enrol_agent(name, {});
  std::string program = programs + "/forgepool-agent";
  if (user) {
    std::filesystem::permissions(path(""), std::filesystem::perms::others_exec | std::filesystem::perms::group_exec,
                                 std::filesystem::perm_options::add);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(credentials))
      REQUIRE(::chown(entry.path().c_str(), *user, *user) == 0);
    REQUIRE(::chown(credentials.c_str(), *user, *user) == 0);
  }
  std::vector<std::string> command{program,
                                   "--credentials",
                                   credentials,
                                   "--hub",
                                   address_,
                                   "--slots",
                                   "1",
                                   "--shards-per-lease",
                                   "2",
                                   "--allow-sandbox-level",
                                   user ? "namespaces" : sandbox_level()};
  command.insert(command.end(), options.begin(), options.end());
  agents_[name] = Process(command, {path(name + ".log"), user});
}

Finished ProcessPool::cli_text(std::vector<std::string> arguments) {
  std::vector<std::string> command{programs + "/forgepool", "--hub", address_, "--credentials", path("hub/operator")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command);
}

nlohmann::json ProcessPool::cli(std::vector<std::string> arguments, int code) {
  arguments.insert(arguments.begin(), "--json");
  const auto finished = cli_text(std::move(arguments));
  INFO(finished.output << finished.errors << logs());
  REQUIRE(finished.code == code);
  return nlohmann::json::parse(finished.output);
}

nlohmann::json ProcessPool::cli_as(const std::string& credentials, std::vector<std::string> arguments, int code) {
  std::vector<std::string> command{programs + "/forgepool", "--json", "--hub",
                                   credentials.empty() ? enrolment_address_ : address_};
  if (!credentials.empty()) command.insert(command.end(), {"--credentials", credentials});
  command.insert(command.end(), arguments.begin(), arguments.end());
  const auto finished = run(command);
  INFO(finished.output << finished.errors << logs());
  REQUIRE(finished.code == code);
  return nlohmann::json::parse(finished.output);
}

std::string ProcessPool::contract(const nlohmann::json& contract) {
  const std::string file = path("contract-" + std::to_string(++contracts_) + ".json");
  std::ofstream(file) << contract.dump();
  return file;
}

bool ProcessPool::wait_for_shards(const std::string& job, std::uint32_t accepted) {
  nlohmann::json status;
  const bool reached = eventually([&] {
    status = cli({"status", job});
    return status.at("accepted") >= accepted || status.at("state") != "running";
  });
  INFO(status.dump() << logs());
  REQUIRE(reached);
  return status.at("state") == "running";
}

std::string ProcessPool::logs() const {
  std::ostringstream text;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
    if (entry.path().extension() != ".log") continue;
    std::ifstream file(entry.path());
    std::string log{std::istreambuf_iterator<char>(file), {}};
    if (log.size() > 3000) log = "…" + log.substr(log.size() - 3000);
    text << "\n--- " << entry.path().filename().string() << "\n" << log;
  }
  return text.str();
}

}  // namespace forgepool_test
