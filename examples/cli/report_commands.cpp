// Audits of more than one bundle: the log, its history and witnesses, jobs; and what is written about them.
#include "open_log.hpp"
#include "output.hpp"

#include <forgepool/audit_report.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

namespace forgepool_cli {

using namespace forgepool;

namespace {

constexpr std::size_t max_root_bytes = 1u << 20;
constexpr std::size_t max_promise_file_bytes = 64u << 20;

/// What may be wrong with one thing, while the others are looked at, too.
struct Verdict {
  std::string subject;
  Status holds;
  std::string unchecked{};  ///< What could not be looked at, though nothing speaks against it.

  std::string_view word() const { return !holds ? "REFUTED" : unchecked.empty() ? "ok     " : "NOT CHECKED"; }
};

struct Audited {
  AuditScope scope;
  std::vector<Verdict> verdicts;
  std::string checkpoint;  ///< Of the log, if it was read.

  bool holds() const {
    return std::ranges::all_of(verdicts, [](const auto& verdict) { return verdict.holds.has_value(); });
  }
  bool complete() const {
    return holds() && std::ranges::all_of(verdicts, [](const auto& verdict) { return verdict.unchecked.empty(); });
  }
  int code() const { return !holds() ? exit_failed : complete() ? exit_ok : exit_unchecked; }
};

/// A moment, or a day: its first moment, or its last.
Result<Time> moment(const std::string& text, bool last) {
  if (text.size() != 10) return from_rfc3339(text);
  auto day = from_rfc3339(text + "T00:00:00Z");
  if (day && last) *day += std::chrono::hours(24) - std::chrono::nanoseconds(1);
  return day;
}

struct Period {
  std::optional<Time> from, to;
  bool overlaps(const JobRecord& job) const { return (!from || job.ended() >= *from) && (!to || job.began() <= *to); }
};

Result<Period> read_period(const AuditOptions& options) {
  Period period;
  for (const auto& [text, slot, last] :
       {std::tuple(&options.from, &period.from, false), std::tuple(&options.to, &period.to, true)}) {
    if (text->empty()) continue;
    const auto at = moment(*text, last);
    if (!at)
      return fail(ErrorKind::invalid_input, *text + ": expected a day like 2026-01-31 or a moment like 2026-01-31T08:15:00Z");
    *slot = *at;
  }
  return period;
}

std::string title_of(const AuditOptions& options, const AuditScope& scope) {
  if (!options.from.empty() || !options.to.empty())
    return (options.from.empty() ? "Until " : options.from + " to ") + (options.to.empty() ? "today" : options.to);
  if (scope.jobs.size() == 1) return "Job " + scope.jobs.front().report.job.str();
  return fmt::format("{} jobs of {}", scope.jobs.size(), scope.trust_domain);
}

class Auditor {
 public:
  Auditor(const Common& common, const AuditOptions& options) : common_(common), options_(options) {}

  /// Errors are what keeps the audit from being made; what does not hold stands in the verdicts.
  Result<Audited> run() {
    if (options_.log.root.empty()) return fail(ErrorKind::invalid_input, "whom is it against? Give --root root.json");
    auto root = read_file(options_.log.root, max_root_bytes);
    if (!root) return fail(root.error());
    root_ = to_text(*root);
    const auto json = nlohmann::json::parse(root_, nullptr, false);
    if (json.is_object()) audited_.scope.trust_domain = json.value("trustDomain", "");
    auto period = read_period(options_);
    if (!period) return fail(period.error());
    period_ = *period;

    if (const auto gathered = gather(); !gathered) return fail(gathered.error());
    if (!options_.promises.empty() && options_.log.folder.empty())
      if (const auto opened = open_session(); !opened) return fail(opened.error());
    if (session_ || !options_.log.folder.empty())
      if (const auto read = read_log(); !read) return fail(read.error());
    audited_.scope.made_at = make_event_loop()->now();
    audited_.scope.title = title_of(options_, audited_.scope);
    return std::move(audited_);
  }

 private:
  Status open_session() {
    if (session_) return {};
    auto opened = Session::open(common_.address);
    if (!opened) return fail(opened.error());
    session_ = std::make_shared<Session>(std::move(*opened));
    return {};
  }

  Status gather() {
    auto subjects = options_.subjects;
    if (subjects.empty() && options_.promises.empty()) {
      if (const auto opened = open_session(); !opened) return opened;
      const auto jobs = session_->call<std::vector<JobStatus>>([&](auto done) { session_->client().jobs(std::move(done)); });
      if (!jobs) return fail(jobs.error());
      for (const auto& job : *jobs)
        if (job.state == JobState::done) subjects.push_back(job.id.str());
    }
    for (const auto& subject : subjects) {
      std::error_code error;
      const bool is_file = std::filesystem::is_regular_file(subject, error);
      const auto bundle = is_file ? from_file(subject) : from_hub(subject);
      if (!bundle) return fail(bundle.error());
      auto job = record_job(*bundle, root_);
      audited_.verdicts.push_back({(is_file ? "bundle " : "job ") + subject, job ? Status() : fail(job.error())});
      if (!job) continue;
      for (const auto& check : job->report.unchecked) audited_.verdicts.back().unchecked = check.name + ": " + check.detail;
      if (period_.overlaps(*job)) {
        audited_.scope.jobs.push_back(std::move(*job));
      } else {
        audited_.verdicts.pop_back();
      }
    }
    return {};
  }

  /// A broken promise is evidence against the hub like a log that was rewritten.
  Status hold_to_promises(const OpenLog& log) {
    for (const auto& path : options_.promises) {
      const auto content = read_file(path, max_promise_file_bytes);
      if (!content) return fail(content.error());
      std::vector<std::string> lines;
      std::istringstream stream(to_text(*content));
      for (std::string line; std::getline(stream, line);) lines.push_back(std::move(line));
      const auto checked = check_promises(lines, root_, log);
      if (!checked) return fail(checked.error().kind, path + ": " + checked.error().message);
      std::size_t kept = 0;
      for (const auto& promise : *checked) {
        if (promise.state == PromiseState::kept) ++kept;
        if (promise.state == PromiseState::broken)
          audited_.verdicts.push_back({promise.subject, fail(ErrorKind::corrupt, "promise_broken: " + promise.what)});
        if (promise.state == PromiseState::overdue) audited_.verdicts.push_back({promise.subject, {}, promise.what});
      }
      audited_.verdicts.push_back({fmt::format("promises: {} of {} in {} are kept", kept, checked->size(), path), {}});
    }
    return {};
  }

  static Result<std::string> from_file(const std::string& path) {
    const auto content = read_file(path, max_bundle_bytes);
    if (!content) return fail(content.error());
    return to_text(*content);
  }
  Result<std::string> from_hub(const std::string& job) {
    if (const auto opened = open_session(); !opened) return fail(opened.error());
    return session_->call<std::string>([&](auto done) { session_->client().bundle(JobId(job), std::move(done)); });
  }

  /// After the bundles: the log has all that they are about, if it is the same one.
  Status read_log() {
    LogPlace place = options_.log;
    std::error_code error;
    if (!options_.keep.empty() && std::filesystem::exists(options_.keep, error)) place.checkpoints.push_back(options_.keep);
    const auto log = open_log(common_, place, session_);
    if (!log && log.error().kind != ErrorKind::corrupt) return fail(log.error());
    if (!log) return audited_.verdicts.push_back({"log", fail(log.error())}), Status();
    audited_.verdicts.push_back({"log: every entry and tile", verify_tiled_log(log->fetch, log->head)});
    audited_.verdicts.push_back({"log: what was kept of it, and its witnesses", check_history(*log, place)});
    LogRecord record{log->origin(), log->head, place.checkpoints.size(), 0, !place.witness_policy.empty()};
    for (const auto& job : audited_.scope.jobs) {
      audited_.verdicts.push_back({"log: job " + job.report.job.str() + " is in it",
                                   check_continues(*log, job.checkpoint, "the checkpoint of " + job.report.job.str())});
      ++record.bundle_checkpoints;
    }
    if (const auto held = hold_to_promises(*log); !held) return held;
    // A hub that is asked has all; what is missing in a log that was signed is a fault of the log.
    for (auto& verdict : audited_.verdicts)
      if (!verdict.holds && verdict.subject.starts_with("log") && verdict.holds.error().kind != ErrorKind::corrupt &&
          verdict.holds.error().kind != ErrorKind::not_found)
        return fail(verdict.holds.error());
    audited_.scope.log = std::move(record);
    audited_.checkpoint = log->checkpoint;
    return {};
  }

  const Common& common_;
  const AuditOptions& options_;
  std::string root_;
  Period period_;
  std::shared_ptr<Session> session_;
  Audited audited_;
};

void print_verdicts(const Audited& audited, bool json) {
  if (json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& verdict : audited.verdicts) {
      nlohmann::ordered_json line{{"subject", verdict.subject}, {"holds", verdict.holds.has_value()}};
      if (!verdict.holds) line["reason"] = verdict.holds.error().message;
      if (!verdict.unchecked.empty()) line["unchecked"] = verdict.unchecked;
      list.push_back(std::move(line));
    }
    nlohmann::ordered_json report{
        {"verified", audited.complete()}, {"jobs", audited.scope.jobs.size()}, {"checks", std::move(list)}};
    if (audited.scope.log)
      report["log"] = {{"origin", audited.scope.log->origin},
                       {"size", audited.scope.log->head.size},
                       {"root", audited.scope.log->head.root.str()}};
    if (!audited.complete()) report["exit_code"] = audited.code();
    return print_json(report);
  }
  for (const auto& verdict : audited.verdicts)
    fmt::print("  {}  {}{}\n", verdict.word(), printable(verdict.subject),
               !verdict.holds              ? ": " + printable(verdict.holds.error().message)
               : verdict.unchecked.empty() ? ""
                                           : ": " + printable(verdict.unchecked));
  fmt::print("{}: {} jobs{}\n",
             audited.complete() ? "VERIFIED"
             : audited.holds()  ? "NOT CHECKED"
                                : "NOT VERIFIED",
             audited.scope.jobs.size(),
             audited.scope.log
                 ? fmt::format(", and the log {} of {} entries", audited.scope.log->origin, audited.scope.log->head.size)
                 : "");
}

Status keep_checkpoint(const AuditOptions& options, const Audited& audited) {
  if (options.keep.empty() || audited.checkpoint.empty()) return {};
  return write_file(options.keep, as_bytes(audited.checkpoint));
}

int write_document(const Common& common, const std::string& output, const std::string& document) {
  if (output.empty()) return fmt::print("{}", document), exit_ok;
  if (const auto written = write_file(output, as_bytes(document)); !written) return complain(written.error(), common.json);
  if (common.json)
    print_json({{"written", output}, {"bytes", document.size()}});
  else
    fmt::print("written to {}\n", output);
  return exit_ok;
}

}  // namespace

int audit(const Common& common, const AuditOptions& options) {
  const auto audited = Auditor(common, options).run();
  if (!audited) return complain(audited.error(), common.json);
  print_verdicts(*audited, common.json);
  if (!audited->holds()) return exit_failed;
  if (const auto kept = keep_checkpoint(options, *audited); !kept) return complain(kept.error(), common.json);
  return audited->code();
}

int audit_report(const Common& common, const AuditOptions& options) {
  const auto audited = Auditor(common, options).run();
  if (!audited) return complain(audited.error(), common.json);
  if (!audited->holds()) {
    // A report says that all in it verified: there is none of what did not.
    print_verdicts(*audited, common.json);
    return exit_failed;
  }
  const std::string document = options.format == "json"    ? write_audit_report_json(audited->scope)
                               : options.format == "oscal" ? write_oscal_assessment_results(audited->scope)
                                                           : write_audit_report_html(audited->scope);
  const int code = write_document(common, options.output, document);
  if (code != exit_ok) return code;
  if (const auto kept = keep_checkpoint(options, *audited); !kept) return complain(kept.error(), common.json);
  return audited->code();
}

int audit_controls(const Common& common, const std::string& output) {
  return write_document(common, output, write_oscal_component_definition(make_event_loop()->now()));
}

int audit_export(const Common& common, const std::string& bundle_path, const std::string& root_path,
                 const std::string& output) {
  const auto bundle = read_file(bundle_path, max_bundle_bytes);
  if (!bundle) return complain(bundle.error(), common.json);
  const auto root = read_file(root_path, max_root_bytes);
  if (!root) return complain(root.error(), common.json);
  const auto exported = export_to_sigstore(as_text(*bundle), as_text(*root));
  if (!exported) {
    fmt::print(stderr, "NOT VERIFIED: {}: {}\n", bundle_path, printable(exported.error().message));
    return exit_failed;
  }
  std::error_code error;
  if (!std::filesystem::create_directory(output, error))
    return complain({error ? ErrorKind::internal : ErrorKind::conflict,
                     output + (error ? ": " + error.message() : " exists already; nothing is overwritten")},
                    common.json);
  const std::pair<const char*, const std::string*> files[] = {{"trusted_root.json", &exported->trusted_root},
                                                              {"keys.json", &exported->keys},
                                                              {"receipts.sigstore.jsonl", &exported->receipts},
                                                              {"verdicts.sigstore.jsonl", &exported->verdicts},
                                                              {"events.jsonl", &exported->events}};
  for (const auto& [name, content] : files)
    if (const auto written = write_file(output + "/" + name, as_bytes(*content)); !written)
      return complain(written.error(), common.json);
  if (common.json)
    print_json({{"exported", output}});
  else
    fmt::print("exported to {}\n", output);
  return exit_ok;
}

}  // namespace forgepool_cli
