// The log: what a hub publishes is read like any tiled log, and believed only as far as it proves itself.
#include "open_log.hpp"
#include "output.hpp"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <stdio.h>

namespace forgepool_cli {

using namespace forgepool;

namespace {

constexpr std::size_t max_text_bytes = 1u << 20;

/// The log's key, and earlier ones that the trusted root names.
Result<std::vector<VerifierKey>> log_keys(const LogPlace& place) {
  std::vector<VerifierKey> keys;
  const auto add = [&](const std::string& vkey) -> Status {
    auto key = parse_vkey(vkey);
    if (!key) return fail(key.error());
    keys.push_back(std::move(*key));
    return {};
  };
  if (!place.vkey.empty()) {
    if (const auto added = add(place.vkey); !added) return fail(added.error());
    return keys;
  }
  if (place.root.empty()) return fail(ErrorKind::invalid_input, "whose log is it? Give --root root.json or --log VKEY");
  const auto text = read_file(place.root, max_text_bytes);
  if (!text) return fail(text.error());
  const auto root = nlohmann::json::parse(text->begin(), text->end(), nullptr, false);
  if (!root.is_object() || !root.contains("logKey") || !root.at("logKey").is_string())
    return fail(ErrorKind::invalid_input, place.root + " is no trusted root");
  if (const auto added = add(root.at("logKey").get<std::string>()); !added) return fail(added.error());
  if (const auto earlier = root.find("earlierLogKeys"); earlier != root.end() && earlier->is_array())
    for (const auto& vkey : *earlier)
      if (const auto added = add(vkey.is_string() ? vkey.get<std::string>() : ""); !added) return fail(added.error());
  return keys;
}

Result<LedgerHead> head_of(std::string_view checkpoint, const std::vector<VerifierKey>& keys) {
  Result<LedgerHead> head = verify_checkpoint(checkpoint, keys.front());
  for (std::size_t i = 1; !head && i < keys.size(); ++i)
    if (auto earlier = verify_checkpoint(checkpoint, keys[i])) head = std::move(earlier);
  return head;
}

}  // namespace

Result<OpenLog> open_log(const Common& common, const LogPlace& place, std::shared_ptr<Session> session) {
  OpenLog log;
  auto keys = log_keys(place);
  if (!keys) return fail(keys.error());
  log.keys = std::move(*keys);
  if (!place.folder.empty()) {
    log.fetch = log_in_folder(place.folder);
  } else {
    if (!session) {
      auto opened = Session::open(common.address);
      if (!opened) return fail(opened.error());
      session = std::make_shared<Session>(std::move(*opened));
    }
    log.session = std::move(session);
    log.fetch = [session = log.session](const std::string& path) {
      return session->call<Bytes>([&](auto done) { session->client().log(path, std::move(done)); });
    };
  }
  const auto note = log.fetch("checkpoint");
  if (!note) return fail(note.error());
  log.checkpoint = to_text(*note);
  const auto head = verify_checkpoint(log.checkpoint, log.keys.front());
  if (!head) return fail(head.error());
  log.head = *head;
  return log;
}

Status check_continues(const OpenLog& log, std::string_view checkpoint, const std::string& name) {
  const auto older = head_of(checkpoint, log.keys);
  if (!older) return fail(older.error().kind, name + ": " + older.error().message);
  if (older->size > log.head.size)
    return fail(ErrorKind::corrupt,
                fmt::format("THE LOG WAS CUT OFF: {} is of {} entries, the log has {}", name, older->size, log.head.size));
  if (older->size == 0) return {};
  if (const auto grown = prove_consistency(log.fetch, *older, log.head); !grown)
    return fail(grown.error().kind, name + ": " + grown.error().message);
  return {};
}

Status check_history(const OpenLog& log, const LogPlace& place) {
  for (const auto& path : place.checkpoints) {
    const auto text = read_file(path, max_text_bytes);
    if (!text) return fail(text.error());
    // A proof holds a checkpoint, too.
    const auto proof = parse_tlog_proof(as_text(*text));
    if (const auto continues = check_continues(log, proof ? std::string_view(proof->checkpoint) : as_text(*text), path);
        !continues)
      return continues;
  }
  return place.witness_policy.empty() ? Status() : check_witnesses(place.witness_policy, log.checkpoint);
}

Status check_witnesses(const std::string& policy_file, std::string_view checkpoint) {
  const auto text = read_file(policy_file, max_text_bytes);
  if (!text) return fail(text.error());
  const auto policy = WitnessPolicy::parse(as_text(*text));
  if (!policy) return fail(policy.error());
  if (const auto quorum = policy->check(checkpoint); !quorum) return fail(ErrorKind::corrupt, quorum.error().message);
  return {};
}

Result<VerifierKey> log_key(const LogPlace& place) {
  auto keys = log_keys(place);
  if (!keys) return fail(keys.error());
  return std::move(keys->front());
}

int ledger_verify(const Common& common, const LogPlace& place) {
  const auto log = open_log(common, place);
  Status checked = log ? check_history(*log, place) : fail(log.error());
  if (checked) checked = verify_tiled_log(log->fetch, log->head);
  if (!checked) {
    // A log that does not hold has one exit code, whatever is wrong with it; a hub that is not there is another matter.
    const auto kind = checked.error().kind;
    if (kind != ErrorKind::corrupt && !(log && kind == ErrorKind::not_found)) return complain(checked.error(), common.json);
    if (common.json)
      print_json({{"verified", false}, {"reason", checked.error().message}, {"exit_code", exit_failed}});
    else
      fmt::print(stderr, "NOT VERIFIED: {}\n", printable(checked.error().message));
    return exit_failed;
  }
  if (common.json)
    print_json({{"verified", true},
                {"origin", log->origin()},
                {"size", log->head.size},
                {"root", log->head.root.str()},
                {"older_checkpoints", place.checkpoints.size()},
                {"witnessed", !place.witness_policy.empty()}});
  else
    fmt::print("VERIFIED: the log {} of {} entries, every entry and tile\n  root {}\n", log->origin(), log->head.size,
               log->head.root.str());
  return exit_ok;
}

int ledger_export(const Common& common, const LogPlace& place, const std::string& output) {
  const auto log = open_log(common, place);
  if (!log) return complain(log.error(), common.json);
  std::error_code error;
  // What was exported before is brought up to date, if it is of this log; nothing else is touched.
  const bool refresh = std::filesystem::exists(output, error);
  const LogFetch before = log_in_folder(output);
  if (refresh) {
    const auto older = before("checkpoint");
    if (!older)
      return complain({ErrorKind::conflict, output + " exists already and is no export of a log; nothing is overwritten"},
                      common.json);
    if (const auto continues = check_continues(*log, as_text(*older), output + "/checkpoint"); !continues)
      return complain(continues.error(), common.json);
  }
  // Beside it, and moved into place when it is whole and checked.
  const std::string partial = std::filesystem::path(output).lexically_normal().string() + ".partial";
  std::filesystem::remove_all(partial, error);
  const auto put = [&](const std::string& path, ByteView content) -> Status {
    const auto full = std::filesystem::path(partial) / path;
    std::filesystem::create_directories(full.parent_path(), error);
    if (error) return fail(ErrorKind::internal, "cannot make " + full.parent_path().string() + ": " + error.message());
    return write_file(full.string(), content);
  };
  const auto fetch = [&](const std::string& path) {
    // Tiles and bundles that are full never change, and all of them are checked below.
    if (auto kept = refresh ? before(path) : fail(ErrorKind::not_found, ""); kept) return kept;
    return log->fetch(path);
  };
  Status done = put("checkpoint", as_bytes(log->checkpoint));
  for (const LogResource& resource : log_resources(log->head.size)) {
    if (!done) break;
    const auto content = fetch(to_path(resource));
    done = content ? put(to_path(resource), *content) : fail(content.error());
  }
  if (done) done = verify_tiled_log(log_in_folder(partial), log->head);
  // Readers see the old export or the new one.
  if (done &&
      ::renameat2(AT_FDCWD, partial.c_str(), AT_FDCWD, output.c_str(), refresh ? RENAME_EXCHANGE : RENAME_NOREPLACE) != 0)
    done = fail(ErrorKind::internal, "cannot move the log to " + output + ": " + std::strerror(errno));
  if (!done || refresh) std::filesystem::remove_all(partial, error);
  if (!done) return complain(done.error(), common.json);
  if (common.json)
    print_json({{"exported", output}, {"size", log->head.size}});
  else
    fmt::print("exported {} entries of {} to {}\n", log->head.size, log->origin(), output);
  return exit_ok;
}

int ledger_prove(const Common& common, const LogPlace& place, std::uint64_t index, const std::string& output) {
  const auto log = open_log(common, place);
  if (!log) return complain(log.error(), common.json);
  if (index >= log->head.size)
    return complain({ErrorKind::not_found, fmt::format("the log has {} entries", log->head.size)}, common.json);
  auto path = prove_inclusion(log->fetch, index, log->head);
  if (!path) return complain(path.error(), common.json);
  const std::string proof = write_tlog_proof({index, std::move(*path), log->checkpoint, {}});
  if (output.empty()) return fmt::print("{}", proof), exit_ok;
  if (const auto written = write_file(output, as_bytes(proof)); !written) return complain(written.error(), common.json);
  if (common.json)
    print_json({{"proof", output}, {"index", index}, {"size", log->head.size}});
  else
    fmt::print("entry {} is in the log of {} entries: {}\n", index, log->head.size, output);
  return exit_ok;
}

int ledger_fsck(const Common& common, const std::string& data) {
  const auto head = check_hub_ledger(data);
  if (!head) return complain(head.error(), common.json);
  if (common.json)
    print_json({{"sound", true}, {"size", head->size}, {"root", head->root.str()}});
  else
    fmt::print("SOUND: {} entries, every leaf, tile and key of the state\n  root {}\n", head->size, head->root.str());
  return exit_ok;
}

}  // namespace forgepool_cli
