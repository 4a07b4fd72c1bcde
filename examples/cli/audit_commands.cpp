// Audit: no hub is asked, nothing but files is read.
#include "open_log.hpp"
#include "output.hpp"

#include <forgepool/audit_report.hpp>
#include <forgepool/backends/linux_sandbox.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>

namespace forgepool_cli {

using namespace forgepool;

namespace {

constexpr std::size_t max_root_bytes = 1u << 20;
constexpr std::size_t max_input_bytes = 1u << 30;

/// Nobody knew it before: the hub could not choose the bundle to fit it.
std::string random_nonce() {
  std::random_device random;
  std::string nonce;
  for (int i = 0; i < 4; ++i) nonce += fmt::format("{:08x}", random());
  return nonce;
}

/// Files of a folder, whatever their names, by what is in them.
class Folder {
 public:
  static Result<Folder> open(const std::string& path) {
    Folder folder;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
      if (!entry.is_regular_file()) continue;
      const auto content = read_file(entry.path().string(), max_input_bytes);
      if (!content) return fail(content.error());
      folder.files_.emplace(sha256(*content), entry.path().string());
    }
    if (error) return fail(ErrorKind::not_found, path + ": " + error.message());
    return folder;
  }
  std::optional<Bytes> find(const Digest& digest) const {
    const auto found = files_.find(digest);
    if (found == files_.end()) return std::nullopt;
    auto content = read_file(found->second, max_input_bytes);
    return content ? std::optional(std::move(*content)) : std::nullopt;
  }

 private:
  std::map<Digest, std::string> files_;
};

Result<AuditAids> aids_of(const VerifyOptions& options) {
  AuditAids aids;
  if (!options.adapter.empty()) {
    const auto adapter = load_adapter(options.adapter);
    if (!adapter) return fail(adapter.error());
    aids.adapter = (*adapter)->digest();
  }
  if (!options.outputs.empty()) {
    auto folder = Folder::open(options.outputs);
    if (!folder) return fail(folder.error());
    aids.outputs = [folder = std::move(*folder)](const Digest& digest) { return folder.find(digest); };
  }
  return aids;
}

nlohmann::ordered_json to_json(const std::vector<AuditCheck>& checks) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& check : checks) list.push_back({{"name", check.name}, {"detail", check.detail}});
  return list;
}

}  // namespace

int verify(const Common& common, const VerifyOptions& options) {
  const auto bundle = read_file(options.bundle, max_bundle_bytes);
  if (!bundle) return complain(bundle.error(), common.json);
  const auto root = read_file(options.root, max_root_bytes);
  if (!root) return complain(root.error(), common.json);
  const auto aids = aids_of(options);
  if (!aids) return complain(aids.error(), common.json);
  const auto job = record_job(as_text(*bundle), as_text(*root), *aids);
  Status checked = job ? Status() : fail(job.error());
  if (checked && !options.witness_policy.empty()) {
    checked = check_witnesses(options.witness_policy, job->checkpoint);
    if (!checked && checked.error().kind != ErrorKind::corrupt) return complain(checked.error(), common.json);
  }
  if (!checked) {
    // Whatever is wrong with a bundle, it does not verify: one exit code for all of it.
    if (common.json)
      print_json({{"verified", false}, {"reason", checked.error().message}, {"exit_code", exit_failed}});
    else
      fmt::print(stderr, "NOT VERIFIED: {}: {}\n", options.bundle, printable(checked.error().message));
    return exit_failed;
  }
  const AuditReport* report = &job->report;
  const bool details = options.details;
  const int code = report->complete() ? exit_ok : exit_unchecked;
  if (common.json) {
    nlohmann::ordered_json document{{"verified", report->complete()},
                                    {"job", report->job.str()},
                                    {"contract", report->contract.str()},
                                    {"plan", report->plan.str()},
                                    {"adapter", report->adapter.str()},
                                    {"result", report->result.str()},
                                    {"shards", report->shards},
                                    {"receipts", report->receipts},
                                    {"agents", report->agents},
                                    {"rejected", report->rejected},
                                    {"error_bound", report->error_bound},
                                    {"expected_wrong", report->expected_wrong},
                                    {"ledger_size", report->ledger_size},
                                    {"witnessed", !options.witness_policy.empty()},
                                    {"unchecked", to_json(report->unchecked)},
                                    {"unpinned", report->unpinned},
                                    {"checks", to_json(report->checks)}};
    if (!report->complete()) document["exit_code"] = int{exit_unchecked};
    print_json(document);
    return code;
  }
  fmt::print("{}: job {}, {} shards, {} receipts, in a ledger of {} entries\n", report->complete() ? "VERIFIED" : "NOT CHECKED",
             report->job.str(), report->shards, report->receipts, report->ledger_size);
  for (const auto& check : report->unchecked) fmt::print("  NOT CHECKED {}: {}\n", check.name, check.detail);
  for (const auto& choice : report->unpinned) fmt::print("  not pinned: {}\n", choice);
  if (!options.witness_policy.empty()) fmt::print("  its checkpoint is cosigned as {} asks\n", options.witness_policy);
  fmt::print("  contract {}\n  plan     {}\n  adapter  {}\n  result   {}\n", report->contract.str(), report->plan.str(),
             report->adapter.str(), report->result.str());
  fmt::print("  P(wrong) ≤ {:.2g} for each shard, {:.2g} wrong in all, if {:g}% of the agents cheat{}\n", report->error_bound,
             report->expected_wrong, report->adversary.fraction * 100,
             report->adversary.collusion ? " together" : " independently");
  for (const auto& agent : report->agents) fmt::print("  accepted results of {}\n", agent);
  for (const auto& agent : report->rejected) fmt::print("  REJECTED results of {}\n", agent);
  std::size_t left_out = 0;
  for (const auto& check : report->checks) {
    // One line per receipt and shard is for those who ask for it.
    if (!details && (check.name.starts_with("receipt ") || check.name.starts_with("verdict ")))
      ++left_out;
    else
      fmt::print("  ok  {}{}\n", check.name, check.detail.empty() ? "" : ": " + check.detail);
  }
  if (left_out) fmt::print("  ok  every receipt and every shard's verdict: {} checks (--details lists them)\n", left_out);
  return code;
}

int root_accept(const Common& common, const std::string& newer_path, const std::string& root_path) {
  const auto root = read_file(root_path, max_root_bytes);
  if (!root) return complain(root.error(), common.json);
  const auto newer = read_file(newer_path, max_bundle_bytes);
  if (!newer) return complain(newer.error(), common.json);
  const auto next = continue_root(as_text(*root), as_text(*newer));
  if (!next) return complain({next.error().kind, newer_path + ": " + next.error().message}, common.json);
  if (const auto written = write_file(root_path, as_bytes(*next)); !written) return complain(written.error(), common.json);
  if (common.json)
    print_json({{"accepted", root_path}, {"changed", *next != as_text(*root)}});
  else
    fmt::print("{}: {}\n", root_path, *next != as_text(*root) ? "goes on with the new keys" : "nothing has changed");
  return exit_ok;
}

Result<Replay> run_replay(const ReplayOptions& options) {
  const auto bundle = read_file(options.bundle, max_bundle_bytes);
  if (!bundle) return fail(bundle.error());
  const auto level = parse_sandbox_level(options.level);
  if (!level) return fail(level.error());
  std::map<Digest, Bytes> inputs;
  for (const auto& path : options.inputs) {
    auto content = read_file(path, max_input_bytes);
    if (!content) return fail(content.error());
    const Digest digest = sha256(*content);
    inputs.emplace(digest, std::move(*content));
  }
  auto shards = options.shards;
  if (options.sample > 0) {
    auto drawn = sample_shards(as_text(*bundle), options.sample, options.nonce);
    if (!drawn) return fail(drawn.error());
    shards = std::move(*drawn);
  }
  auto sandbox = open_linux_sandbox({*level});
  if (!sandbox) return fail(sandbox.error());
  auto replayed = replay_bundle(as_text(*bundle), shards, **sandbox, [&](const Digest& digest) -> std::optional<Bytes> {
    const auto found = inputs.find(digest);
    return found == inputs.end() ? std::nullopt : std::optional(found->second);
  });
  if (!replayed) return fail(replayed.error());
  Replay replay{std::move(*replayed), std::nullopt};
  if (shards.empty() && std::ranges::all_of(replay.shards, [](const auto& shard) { return shard.replayed != Digest{}; })) {
    auto result = reduce_replay(as_text(*bundle), replay.shards);
    if (!result) return fail(result.error());
    replay.result = *result;
  }
  return replay;
}

int replay(const Common& common, const ReplayOptions& requested) {
  ReplayOptions options = requested;
  if (options.sample > 0 && !options.shards.empty())
    return complain({ErrorKind::invalid_input, "name shards, or how many to draw, not both"}, common.json);
  if (options.sample > 0 && options.nonce.empty()) options.nonce = random_nonce();
  const auto replayed = run_replay(options);
  if (!replayed) return complain(replayed.error(), common.json);

  const bool all_identical = std::ranges::all_of(replayed->shards, &ReplayedShard::identical);
  const bool identical = all_identical && (!replayed->result || replayed->result->identical());
  // Outputs that agree without being equal come to another result.
  const bool agrees = std::ranges::all_of(replayed->shards, [](const auto& shard) { return shard.agrees == true; }) &&
                      (!all_identical || identical);
  auto list = nlohmann::ordered_json::array();
  const auto step = [](const std::optional<std::uint64_t>& number) {
    return number ? nlohmann::ordered_json(*number) : nlohmann::ordered_json(nullptr);
  };
  for (const auto& shard : replayed->shards) {
    if (common.json) {
      auto lost = nlohmann::ordered_json::array();
      for (const auto& answer : shard.lost)
        lost.push_back({{"agent", answer.agent.str()},
                        {"result", answer.result.str()},
                        {"diverges_at_step", step(answer.diverges_at)},
                        {"is_what_came_here", answer.result == shard.replayed}});
      list.push_back({{"shard", shard.index},
                      {"identical", shard.identical()},
                      {"agrees", shard.agrees ? nlohmann::ordered_json(*shard.agrees) : nlohmann::ordered_json(nullptr)},
                      {"accepted", shard.accepted.str()},
                      {"replayed", shard.replayed.str()},
                      {"diverges_at_step", step(shard.diverges_at)},
                      {"lost", std::move(lost)},
                      {"outcome", describe(shard.report.outcome)}});
      continue;
    }
    if (shard.identical())
      fmt::print("shard {}: IDENTICAL {}\n", shard.index, shard.replayed.str());
    else
      fmt::print("shard {}: {}: accepted {}, here {} ({})\n", shard.index, shard.agrees == true ? "AGREES" : "DIFFERENT",
                 shard.accepted.str(), shard.report.outcome.ok() ? shard.replayed.str() : "nothing",
                 describe(shard.report.outcome));
    if (shard.diverges_at) fmt::print("  they differ from step {} on\n", *shard.diverges_at);
    for (const auto& answer : shard.lost)
      fmt::print(
          "  agent {} returned {}{}{}\n", answer.agent.str(), answer.result.str(),
          answer.diverges_at ? fmt::format(", which differs from the accepted one from step {} on", *answer.diverges_at) : "",
          answer.result == shard.replayed ? ": what came out here" : "");
  }
  if (common.json) {
    nlohmann::ordered_json report{{"identical", identical}, {"agrees", agrees}, {"shards", std::move(list)}};
    if (options.sample > 0) report["nonce"] = options.nonce;
    if (const auto& result = replayed->result)
      report["result"] = {
          {"identical", result->identical()}, {"accepted", result->accepted.str()}, {"replayed", result->replayed.str()}};
    print_json(report);
  } else {
    if (options.sample > 0) fmt::print("drawn by the bundle's checkpoint and --nonce {}\n", options.nonce);
    if (const auto& result = replayed->result)
      fmt::print("result: {}\n", result->identical() ? "IDENTICAL " + result->replayed.str()
                                                     : (agrees ? "OF SHARDS THAT AGREE: accepted " : "DIFFERENT: accepted ") +
                                                           result->accepted.str() + ", here " + result->replayed.str());
  }
  return agrees ? exit_ok : exit_failed;
}

}  // namespace forgepool_cli
