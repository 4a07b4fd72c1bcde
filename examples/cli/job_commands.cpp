// Jobs: submit, follow, fetch.
#include "commands.hpp"
#include "output.hpp"
#include "progress.hpp"

#include <fmt/core.h>

#include <sstream>

namespace forgepool_cli {

using namespace forgepool;

namespace {

constexpr std::size_t max_input_bytes = 1u << 30;

Result<JobStatus> follow(Session& session, const JobId& job, bool quiet) {
  Progress progress;
  auto end = session.call<JobStatus>(
      [&](auto done) {
        session.client().wait(
            job,
            [&, quiet](const JobStatus& status) {
              if (!quiet) progress.update(status);
            },
            done);
      },
      std::chrono::hours(24 * 31));
  progress.finish();
  return end;
}

/// The end of a job, with its result for people.
int show_end(Session& session, const Common& common, const JobStatus& status) {
  if (common.json) {
    print_json(to_json(status));
  } else {
    fmt::print("{}", describe(status));
    if (status.state == JobState::done) {
      const auto result = session.call<std::string>([&](auto done) { session.client().result(status.id, done); });
      if (!result) return complain(result.error(), false);
      if (sha256(*result) != *status.result)
        return complain({ErrorKind::corrupt, "the hub sent a result that does not have the digest it announced"}, false);
      fmt::print("{}", describe_result(*result));
    }
  }
  return status.state == JobState::done ? exit_ok : exit_failed;
}

/// Runs `act` with a session and a job id from the command line.
int with_job(const Common& common, const std::string& text, const std::function<int(Session&, const JobId&)>& act) {
  const auto job = JobId::parse(text);
  if (!job) return complain(job.error(), common.json);
  auto session = Session::open(common.address);
  if (!session) return complain(session.error(), common.json);
  return act(*session, *job);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(std::move(line));
  return lines;
}

int deliver(const Common& common, const Result<std::string>& content, const std::string& output) {
  if (!content) return complain(content.error(), common.json);
  if (output.empty() || output == "-") {
    fmt::print("{}", *content);
    return exit_ok;
  }
  if (const auto written = write_file(output, as_bytes(*content)); !written) return complain(written.error(), common.json);
  if (common.json)
    print_json({{"file", output}, {"bytes", content->size()}, {"sha256", sha256(*content).str()}});
  else
    fmt::print("wrote {} ({} bytes)\n", output, content->size());
  return exit_ok;
}

/// The contract with the digest of the package that it is to run: then no hub can run another one.
std::string pin_adapter(std::string_view contract, const Digest& adapter) {
  auto json = nlohmann::json::parse(contract);
  json["op"]["digest"] = adapter.str();
  return json.dump();
}

/// Pinned by the contract, by a package of ours, or by what the hub shows now.
Result<std::string> pinned_contract(Session& session, const Contract& contract, const std::string& package) {
  if (!package.empty()) {
    const auto adapter = load_adapter(package);
    if (!adapter) return fail(adapter.error());
    if (contract.op.digest.value_or((*adapter)->digest()) != (*adapter)->digest())
      return fail(ErrorKind::invalid_input, fmt::format("{} is {}, the contract's op.digest is {}", package,
                                                        (*adapter)->digest().str(), contract.op.digest->str()));
    return pin_adapter(contract.canonical, (*adapter)->digest());
  }
  if (contract.op.digest) return contract.canonical;
  const auto forecast =
      session.call<JobForecast>([&](auto done) { session.client().forecast(contract.canonical, std::move(done)); });
  if (!forecast) return fail(forecast.error());
  return pin_adapter(contract.canonical, forecast->adapter);
}

}  // namespace

int submit(const Common& common, const SubmitOptions& options) {
  const auto contract = read_file(options.contract, max_contract_bytes);
  if (!contract) return complain(contract.error(), common.json);
  // Mistakes are found here, before anything is sent.
  const auto parsed = parse_contract(as_text(*contract));
  if (!parsed) return complain({parsed.error().kind, options.contract + ": " + parsed.error().message}, common.json);
  auto session = Session::open(common.address);
  if (!session) return complain(session.error(), common.json);
  if (options.dry_run) {
    const auto forecast = session->call<JobForecast>([&](auto done) { session->client().forecast(to_text(*contract), done); });
    if (!forecast) return complain(forecast.error(), common.json);
    if (common.json)
      print_json(to_json(*forecast));
    else
      fmt::print("{}", describe(*forecast));
    return exit_ok;
  }
  for (const auto& path : options.inputs) {
    auto content = read_file(path, max_input_bytes);
    if (!content) return complain(content.error(), common.json);
    const auto uploaded = session->call<Digest>([&](auto done) { session->client().upload(std::move(*content), done); },
                                                std::chrono::minutes(10));
    if (!uploaded) return complain({uploaded.error().kind, path + ": " + uploaded.error().message}, common.json);
  }
  const auto pinned = pinned_contract(*session, *parsed, options.adapter);
  if (!pinned) return complain(pinned.error(), common.json);
  const auto status = session->call<JobStatus>([&](auto done) { session->client().submit(*pinned, done); });
  if (!status) return complain({status.error().kind, status.error().message}, common.json);
  if (!options.wait) {
    if (common.json)
      print_json(to_json(*status));
    else
      fmt::print("{}\n", status->id.str());
    return exit_ok;
  }
  if (!common.json) fmt::print(stderr, "submitted as {}\n", status->id.str());
  const auto end = follow(*session, status->id, common.json);
  if (!end) return complain(end.error(), common.json);
  return show_end(*session, common, *end);
}

int wait_for(const Common& common, const std::string& job) {
  return with_job(common, job, [&](Session& session, const JobId& id) {
    const auto end = follow(session, id, common.json);
    if (!end) return complain(end.error(), common.json);
    return show_end(session, common, *end);
  });
}

int status(const Common& common, const std::string& job) {
  return with_job(common, job, [&](Session& session, const JobId& id) {
    const auto status = session.call<JobStatus>([&](auto done) { session.client().status(id, 0, Duration::zero(), done); });
    if (!status) return complain(status.error(), common.json);
    if (common.json)
      print_json(to_json(*status));
    else
      fmt::print("{}", describe(*status));
    return static_cast<int>(status->state == JobState::failed || status->state == JobState::cancelled ? exit_failed : exit_ok);
  });
}

int cancel(const Common& common, const std::string& job) {
  return with_job(common, job, [&](Session& session, const JobId& id) {
    const auto status = session.call<JobStatus>([&](auto done) { session.client().cancel(id, done); });
    if (!status) return complain(status.error(), common.json);
    if (common.json)
      print_json(to_json(*status));
    else
      fmt::print("{}", describe(*status));
    return static_cast<int>(exit_ok);
  });
}

int erase(const Common& common, const std::string& job) {
  return with_job(common, job, [&](Session& session, const JobId& id) {
    const auto erased = session.call<void>([&](auto done) { session.client().erase(id, done); }, std::chrono::minutes(10));
    if (!erased) return complain(erased.error(), common.json);
    if (common.json)
      print_json({{"erased", true}});
    else
      fmt::print("erased\n");
    return static_cast<int>(exit_ok);
  });
}

int hold(const Common& common, const std::string& job, bool release) {
  return with_job(common, job, [&](Session& session, const JobId& id) {
    const auto status = session.call<JobStatus>([&](auto done) { session.client().hold(id, !release, done); });
    if (!status) return complain(status.error(), common.json);
    if (common.json)
      print_json(to_json(*status));
    else
      fmt::print("{}\n", status->held ? "held: nothing of it is deleted until it is released" : "released");
    return static_cast<int>(exit_ok);
  });
}

int list_jobs(const Common& common) {
  auto session = Session::open(common.address);
  if (!session) return complain(session.error(), common.json);
  const auto jobs = session->call<std::vector<JobStatus>>([&](auto done) { session->client().jobs(done); });
  if (!jobs) return complain(jobs.error(), common.json);
  if (common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& job : *jobs) list.push_back(to_json(job));
    print_json({{"jobs", std::move(list)}});
    return exit_ok;
  }
  for (const auto& job : *jobs)
    fmt::print("{}  {:<9}  {}/{} shards{}\n", job.id.str(), to_string(job.state), job.accepted, job.shards,
               job.overturned.empty() ? "" : fmt::format("  OVERTURNED: wrong at {} of them", job.overturned.size()));
  return exit_ok;
}

int result(const Common& common, const std::string& job, const std::string& output) {
  return with_job(common, job, [&](Session& session, const JobId& id) {
    return deliver(common,
                   session.call<std::string>([&](auto done) { session.client().result(id, done); }, std::chrono::minutes(10)),
                   output);
  });
}

int bundle(const Common& common, const std::string& job, const std::string& output) {
  return with_job(common, job, [&](Session& session, const JobId& id) {
    return deliver(common,
                   session.call<std::string>([&](auto done) { session.client().bundle(id, done); }, std::chrono::minutes(10)),
                   output);
  });
}

int explain(const Common& common, const std::string& job) {
  return with_job(common, job, [&](Session& session, const JobId& id) {
    const auto explanation = session.call<JobExplanation>([&](auto done) { session.client().explain(id, done); });
    if (!explanation) return complain(explanation.error(), common.json);
    if (common.json) {
      auto shards = nlohmann::ordered_json::array();
      for (const auto& shard : explanation->shards)
        shards.push_back({{"shard", shard.index}, {"text", shard.text}, {"reasons", to_json(shard.reasons)}});
      print_json({{"status", to_json(explanation->status)}, {"shards", std::move(shards)}});
      return static_cast<int>(exit_ok);
    }
    fmt::print("{}", describe(explanation->status));
    for (const auto& shard : explanation->shards) {
      fmt::print("  shard {}:\n", shard.index);
      for (const auto& line : lines_of(shard.text)) fmt::print("    {}\n", printable(line));
      for (const auto& reason : shard.reasons)
        fmt::print("    waits ({}): {}{}\n", printable(reason.code), printable(reason.text),
                   reason.unblock.empty() ? "" : "; " + printable(reason.unblock));
    }
    return static_cast<int>(exit_ok);
  });
}

}  // namespace forgepool_cli
