#pragma once
// What the command line prints: text for people, or one JSON object per command with --json.
#include <forgepool/job.hpp>

#include <nlohmann/json.hpp>

#include <string>

namespace forgepool_cli {

/// One line on standard output.
void print_json(const nlohmann::ordered_json& value);
/// Says what went wrong and returns the exit code.
int complain(const forgepool::Error& error, bool json);

nlohmann::ordered_json to_json(const forgepool::JobStatus& status);
nlohmann::ordered_json to_json(const forgepool::JobForecast& forecast);
nlohmann::ordered_json to_json(const std::vector<forgepool::WaitReason>& reasons);
/// A few lines about a job.
std::string describe(const forgepool::JobStatus& status);
std::string describe(const forgepool::JobForecast& forecast);
/// A result for people: percentiles and a text histogram for a summary, the JSON itself for anything else.
std::string describe_result(const std::string& result);

/// Characters that could drive a terminal are shown as '?'.
std::string printable(std::string_view foreign);

}  // namespace forgepool_cli
