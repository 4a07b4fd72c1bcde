#pragma once
// A hub and agents as processes, driven by the command line program: what a user has.
#include "process.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <map>

#include <signal.h>

namespace forgepool_test {

inline const std::string programs = FORGEPOOL_PROGRAMS_DIR;
inline const std::string packages = FORGEPOOL_PACKAGES_DIR;

/// True if this machine lets the current user enforce everything (cgroups included).
std::string sandbox_level();

class ProcessPool {
 public:
  /// `key_options` go to `forgepool hub init` and to the hub: where its keys are.
  explicit ProcessPool(const std::function<std::vector<std::string>(const ProcessPool&)>& key_options = nullptr);

  void start_hub(const std::vector<std::string>& options = {});
  void stop_hub() { hub_.signal(SIGTERM), hub_.wait(); }
  /// kill -9.
  void kill_hub() { hub_.kill(); }
  bool hub_running() { return hub_.running(); }

  /// Enrols an agent (once per name) and starts it.
  void start_agent(const std::string& name, const std::vector<std::string>& options = {},
                   std::optional<uid_t> user = std::nullopt);
  /// The exit code of an agent that ends by itself.
  int wait_for_agent(const std::string& name) { return agents_.at(name).wait(); }
  /// Enrols an agent with a join token that attests what the options of `hub invite` say; `start_agent` starts it.
  void enrol_agent(const std::string& name, const std::vector<std::string>& attested);
  void kill_agent(const std::string& name) { agents_.at(name).kill(); }

  /// The command line program with --json, as the operator. Requires exit code 0 unless `code` says otherwise.
  nlohmann::json cli(std::vector<std::string> arguments, int code = 0);
  /// The same with other credentials, by their path; at the enrolment port if these are empty.
  nlohmann::json cli_as(const std::string& credentials, std::vector<std::string> arguments, int code = 0);
  /// The same without --json and without requirements.
  Finished cli_text(std::vector<std::string> arguments);

  /// Writes a contract into the pool's directory; its path.
  std::string contract(const nlohmann::json& contract);
  std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  const std::string& address() const { return address_; }

  /// Waits until the job has at least `accepted` shards accepted; true unless it ended before.
  bool wait_for_shards(const std::string& job, std::uint32_t accepted);
  std::string logs() const;

 private:
  TemporaryDirectory directory_;
  std::vector<std::string> key_options_;
  std::string address_, enrolment_address_;
  std::uint16_t port_ = 0, enrolment_port_ = 0;
  Process hub_;
  std::map<std::string, Process> agents_;
  int contracts_ = 0;
};

}  // namespace forgepool_test
