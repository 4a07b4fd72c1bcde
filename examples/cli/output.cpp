#include "output.hpp"

#include "session.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace forgepool_cli {

using namespace forgepool;
using Json = nlohmann::ordered_json;

void print_json(const Json& value) {
  fmt::print("{}\n", value.dump());
}

std::string printable(std::string_view foreign) {
  std::string text;
  for (const char c : foreign) text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return text;
}

int complain(const Error& error, bool json) {
  const int code = exit_code_of(error.kind);
  // A hub says the kind in words, where it has no better code.
  const std::string kind = std::string(to_string(error.kind)) + ": ";
  const std::string text = error.message.starts_with(kind) ? error.message : kind + error.message;
  if (json)
    print_json({{"error", {{"kind", to_string(error.kind)}, {"message", error.message}}}, {"exit_code", code}});
  else
    fmt::print(stderr, "forgepool: {}\n", printable(text));
  return code;
}

Json to_json(const std::vector<WaitReason>& reasons) {
  Json list = Json::array();
  for (const auto& reason : reasons)
    list.push_back({{"code", reason.code}, {"text", reason.text}, {"agents", reason.agents}, {"unblock", reason.unblock}});
  return list;
}

namespace {

double work_factor(const JobStatus& status) {
  return static_cast<double>(status.executions) / std::max(1u, status.accepted);
}

}  // namespace

Json to_json(const JobStatus& status) {
  Json caught = Json::array();
  for (const auto& agent : status.caught)
    caught.push_back({{"agent", agent.agent.str()},
                      {"shard", agent.shard},
                      {"returned", agent.returned.str()},
                      {"accepted", agent.accepted.str()},
                      {"reason", agent.reason}});
  return {{"job", status.id.str()},
          {"state", to_string(status.state)},
          {"contract", status.contract.str()},
          {"result", status.result ? Json(status.result->str()) : Json(nullptr)},
          {"shards", status.shards},
          {"accepted", status.accepted},
          {"executions", status.executions},
          {"work_factor", status.accepted > 0 ? Json(work_factor(status)) : Json(nullptr)},
          {"error_bound", status.error_bound},
          {"expected_wrong", status.expected_wrong},
          {"adversary", {{"fraction", status.adversary.fraction}, {"collusion", status.adversary.collusion}}},
          {"agents", status.agents},
          {"leased", status.leased},
          {"waiting", status.waiting},
          {"reasons", to_json(status.reasons)},
          {"caught", std::move(caught)},
          {"overturned", status.overturned},
          {"failure", status.failure},
          {"held", status.held},
          {"results_deleted", status.results_deleted},
          {"elapsed_ms", status.elapsed_ms}};
}

namespace {

std::string describe(const std::vector<WaitReason>& reasons, std::string_view what) {
  std::string text;
  for (const auto& reason : reasons)
    text += fmt::format("  {}: {}{} ({})\n", what, printable(reason.text),
                        reason.unblock.empty() ? "" : "; " + printable(reason.unblock), printable(reason.code));
  return text;
}

}  // namespace

Json to_json(const JobForecast& forecast) {
  return {
      {"contract", forecast.contract.str()}, {"adapter", forecast.adapter.str()},    {"shards", forecast.shards},
      {"executions", forecast.executions},   {"most_cpu_ms", forecast.most_cpu_ms},  {"agents_enrolled", forecast.enrolled},
      {"agents_present", forecast.present},  {"agents_eligible", forecast.eligible}, {"reasons", to_json(forecast.reasons)}};
}

std::string describe(const JobForecast& forecast) {
  return fmt::format(
             "{} shards, {} executions, at most {:.1f} hours of CPU time\n  {} agents enrolled, {} there, {} may work on it\n",
             forecast.shards, forecast.executions, static_cast<double>(forecast.most_cpu_ms) / 3'600'000, forecast.enrolled,
             forecast.present, forecast.eligible) +
         describe(forecast.reasons, "note");
}

std::string describe(const JobStatus& status) {
  std::string text = fmt::format("job {}: {}\n  {} of {} shards accepted, {} executions by {} agent(s), {:.1f} s\n",
                                 status.id.str(), to_string(status.state), status.accepted, status.shards, status.executions,
                                 status.agents, static_cast<double>(status.elapsed_ms) / 1000);
  if (status.state == JobState::running)
    text += fmt::format("  {} executions under way, {} waiting\n", status.leased, status.waiting);
  if (status.accepted > 0)
    text += fmt::format(
        "  {:.2f} executions per accepted shard; P(wrong) ≤ {:.2g} for each, {:.2g} wrong in all, if {:g}% of the agents "
        "cheat{}\n",
        work_factor(status), status.error_bound, status.expected_wrong, status.adversary.fraction * 100,
        status.adversary.collusion ? " together" : " independently");
  text += describe(status.reasons, "waits");
  for (const auto& agent : status.caught)
    text += fmt::format("  caught: agent {} returned {}… for shard {}, accepted was {}…: quarantined\n", agent.agent.str(),
                        agent.returned.hex().substr(0, 12), agent.shard, agent.accepted.hex().substr(0, 12));
  for (const auto shard : status.overturned)
    text += fmt::format("  WRONG: a replay showed that what was accepted of shard {} is wrong: do not use the result\n", shard);
  if (!status.failure.empty()) text += fmt::format("  {}: {}\n", to_string(status.state), printable(status.failure));
  if (status.result) text += fmt::format("  result {}\n", status.result->str());
  return text;
}

namespace {

/// Cents as money with separators, milliseconds as minutes, anything else as it is.
std::string with_unit(double value, const std::string& unit) {
  if (unit == "ms") return fmt::format("{:.1f} min", value / 60000);
  std::string digits = fmt::format("{:.2f}", unit == "cents" ? value / 100 : value);
  for (auto at = static_cast<std::ptrdiff_t>(digits.find('.')) - 3; at > (value < 0 ? 1 : 0); at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string bars(const Json& histogram, double low, double high, const std::string& unit) {
  constexpr std::size_t rows = 16;
  constexpr double width = 48;
  std::vector<double> counts(rows, 0);
  const double step = (high - low) / rows;
  for (const auto& bucket : histogram) {
    const double middle = (bucket.at(0).get<double>() + bucket.at(1).get<double>()) / 2;
    if (middle > high) continue;
    counts[std::min<std::size_t>(rows - 1, static_cast<std::size_t>(std::max(0.0, middle - low) / step))] +=
        bucket.at(2).get<double>();
  }
  const double most = std::max(1.0, *std::ranges::max_element(counts));
  std::string text;
  for (std::size_t row = 0; row < rows; ++row) {
    text += fmt::format("  {:>16} |", with_unit(low + step * static_cast<double>(row), unit));
    text += std::string(static_cast<std::size_t>(std::lround(counts[row] / most * width)), '#') + "\n";
  }
  return text;
}

}  // namespace

std::string describe_result(const std::string& result) {
  const Json json = Json::parse(result, nullptr, false);
  if (json.is_discarded() || !json.contains("reduce") || json.at("reduce") != "summary") return result + "\n";
  const std::string unit = json.at("unit");
  const auto value = [&](const char* key) { return with_unit(json.at(key).get<double>(), unit); };
  std::string text =
      fmt::format("  samples {}   mean {} ± {} (standard error)\n  min {}   max {}\n", json.at("count").get<std::uint64_t>(),
                  value("mean"), value("standard_error"), value("min"), value("max"));
  const auto& percentiles = json.at("percentiles");
  for (const auto* key : {"p50", "p90", "p95", "p99"}) {
    std::string name = key;
    name[0] = 'P';
    text += fmt::format("  {} {:>18}\n", name, with_unit(percentiles.at(key).get<double>(), unit));
  }
  const double low = json.at("min").get<double>(), high = std::max(low + 1, percentiles.at("p99").get<double>());
  return text + "  histogram up to P99:\n" + bars(json.at("histogram"), low, high, unit);
}

}  // namespace forgepool_cli
