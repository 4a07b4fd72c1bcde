#pragma once
// The commands, one function each: they print, and return the exit code.
#include "session.hpp"

#include <forgepool/audit.hpp>

#include <optional>
#include <string>
#include <vector>

namespace forgepool_cli {

struct Common {
  HubAddress address;
  bool json = false;
};

// pool_commands.cpp
int hub_init(const Common& common, const std::string& data, const std::string& trust_domain);
int invite(const Common& common, const forgepool::Invitation& invitation);
int enroll(const Common& common, const std::string& join_token, const std::string& output);
int list_agents(const Common& common);
int drain(const Common& common, const std::string& agent, bool draining);

// job_commands.cpp
struct SubmitOptions {
  std::string contract;
  std::vector<std::string> inputs;  ///< Files to upload first.
  bool wait = false;
  bool dry_run = false;  ///< Nothing is uploaded or submitted.
};
int submit(const Common& common, const SubmitOptions& options);
int wait_for(const Common& common, const std::string& job);
int status(const Common& common, const std::string& job);
int list_jobs(const Common& common);
int result(const Common& common, const std::string& job, const std::string& output);
int bundle(const Common& common, const std::string& job, const std::string& output);
int explain(const Common& common, const std::string& job);
int cancel(const Common& common, const std::string& job);

// audit_commands.cpp
int verify(const Common& common, const std::string& bundle, const std::string& root, bool details);
struct ReplayOptions {
  std::string bundle;
  std::vector<std::uint32_t> shards;
  std::vector<std::string> inputs;  ///< Files, found by their digest.
  std::string level = "full";
};
int replay(const Common& common, const ReplayOptions& options);
forgepool::Result<std::vector<forgepool::ReplayedShard>> run_replay(const ReplayOptions& options);
/// Replays the shard of the job at which the agent was caught, and tells the hub what came out.
int appeal(const Common& common, const std::string& agent, const std::string& job, ReplayOptions options);  // pool_commands.cpp

// adapter_commands.cpp
int adapter_pack(const Common& common, const std::string& manifest, const std::string& program, const std::string& output);
int adapter_inspect(const Common& common, const std::string& package);
int digest(const Common& common, const std::string& file);

// simulate_command.cpp
struct SimulateOptions {
  std::string scenario;
  std::string output = ".";  ///< Directory for what is saved.
  std::optional<std::uint64_t> seed;
};
int simulate(const Common& common, const SimulateOptions& options);

// sandbox_commands.cpp
int sandbox_doctor(const Common& common);

}  // namespace forgepool_cli
