#pragma once
// The commands, one function each: they print, and return the exit code.
#include "session.hpp"

#include <forgepool/audit.hpp>
#include <forgepool/promise.hpp>

#include <optional>
#include <string>
#include <vector>

namespace forgepool_cli {

struct Common {
  HubAddress address;
  bool json = false;
};

struct OpenLog;

// key_commands.cpp

/// Where a hub's private keys are, if not in plain files.
struct KeyOptions {
  std::string passphrase_file;
  std::string module, token, pin_file;
};
forgepool::Result<forgepool::HubKeys> hub_keys(const KeyOptions& options);
int operator_init(const Common& common, const std::string& data, const std::string& organization, const std::string& output,
                  const KeyOptions& keys);
int org_init(const Common& common, const std::string& data, const std::string& name, const KeyOptions& keys);
int org_list(const Common& common);
int keys_rotate(const Common& common, const std::string& purpose, const std::string& root_output);
int revoke(const Common& common, const std::string& kind, const std::string& id, const std::string& reason);
int renew(const Common& common);
int health(const Common& common);
int revocation_list(const Common& common, std::uint32_t ca_epoch, const std::string& output);

// pool_commands.cpp
int hub_init(const Common& common, const std::string& data, const std::string& trust_domain, const KeyOptions& keys);
int invite(const Common& common, const forgepool::Invitation& invitation);
int enroll(const Common& common, const std::string& join_token, const std::string& output);
int list_agents(const Common& common);
int drain(const Common& common, const std::string& agent, bool draining);

// job_commands.cpp
struct SubmitOptions {
  std::string contract;
  std::vector<std::string> inputs;  ///< Files to upload first.
  std::string adapter;              ///< Package: the only one that will do. Empty: the one that the hub shows.
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
int posture(const Common& common, const std::string& profile);
int erase(const Common& common, const std::string& job);
int hold(const Common& common, const std::string& job, bool release);

// audit_commands.cpp
struct VerifyOptions {
  std::string bundle, root;
  std::string witness_policy;  ///< Whose quorum the bundle's checkpoint needs.
  std::string adapter;         ///< Package: the only one that will do.
  std::string outputs;         ///< Folder with outputs of shards that the bundle does not hold.
  bool details = false;
};
int verify(const Common& common, const VerifyOptions& options);
/// Puts the trusted root of `newer` (a root.json, or a bundle) in the place of `root`, which it goes on from.
int root_accept(const Common& common, const std::string& newer, const std::string& root);
struct ReplayOptions {
  std::string bundle;
  std::vector<std::uint32_t> shards;
  std::uint32_t sample = 0;         ///< So many instead, drawn by `nonce`.
  std::string nonce;                ///< Empty: a random one.
  std::vector<std::string> inputs;  ///< Files, found by their digest.
  std::string level = "full";
};
int replay(const Common& common, const ReplayOptions& options);
struct Replay {
  std::vector<forgepool::ReplayedShard> shards;
  std::optional<forgepool::ReplayedResult> result;  ///< If all shards were replayed, and each gave an output.
};
forgepool::Result<Replay> run_replay(const ReplayOptions& options);
/// Replays the shard of the job at which the agent was caught, and tells the hub what came out.
int appeal(const Common& common, const std::string& agent, const std::string& job, ReplayOptions options);  // pool_commands.cpp

// ledger_commands.cpp
struct LogPlace {
  std::string folder;                    ///< An exported log; empty: the hub's.
  std::string root;                      ///< root.json of the pool, or
  std::string vkey;                      ///< the log's key.
  std::vector<std::string> checkpoints;  ///< Files with older checkpoints (or proofs), which the log must continue.
  std::string witness_policy;            ///< Whose quorum the checkpoint needs.
};
forgepool::Result<forgepool::VerifierKey> log_key(const LogPlace& place);
int ledger_verify(const Common& common, const LogPlace& place);
int ledger_export(const Common& common, const LogPlace& place, const std::string& output);
int ledger_prove(const Common& common, const LogPlace& place, std::uint64_t index, const std::string& output);
int ledger_fsck(const Common& common, const std::string& data);

// promise_command.cpp

/// What a file of promises comes to against a log: one line each for those that are not kept, and how many are.
struct PromiseLine {
  std::string subject;  ///< "promise for lease l-…"
  forgepool::PromiseState state = forgepool::PromiseState::kept;
  std::string what;  ///< What was promised, and what is.
};
/// Errors: what is no promise of this hub; a log that cannot be read.
forgepool::Result<std::vector<PromiseLine>> check_promises(const std::vector<std::string>& promises, std::string_view root,
                                                           const OpenLog& log);
/// Of the agent whose credentials these are.
int agent_promises(const Common& common, const LogPlace& place);

// report_commands.cpp
struct AuditOptions {
  LogPlace log;
  std::vector<std::string> subjects;  ///< Jobs, or files with bundles; none: all jobs of the hub that are done.
  std::string from, to;               ///< Days or moments (RFC 3339): of the jobs, those that worked then.
  std::string keep;                   ///< File with the checkpoint of the last audit, which the log must continue; renewed.
  std::vector<std::string> promises;  ///< Files with promises that agents kept.
  std::string format = "html";
  std::string output;
};
/// Checks everything in one go: the log, its history and witnesses, the bundles, and that these are of this log.
int audit(const Common& common, const AuditOptions& options);
/// The same, and writes it down: html, json, oscal (assessment results).
int audit_report(const Common& common, const AuditOptions& options);
int audit_controls(const Common& common, const std::string& output);
int audit_export(const Common& common, const std::string& bundle, const std::string& root, const std::string& output);

// witness_command.cpp
struct WitnessOptions {
  std::string data;
  std::string name;
  LogPlace log;
  std::uint64_t interval_ms = 5'000;
  bool once = false;
};
int witness(const Common& common, const WitnessOptions& options);

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
