/// A scenario's runs as CSV, and as a picture.
#include <forgepool/testing/scenario.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace forgepool::testing {
namespace {

constexpr double width = 860, panel_height = 260, left = 70, right = 20, top = 56, gap = 64;
constexpr const char* colours[] = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e"};

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  return out;
}

std::string label(double x, double y, const char* anchor, const std::string& text) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\">" + escaped(text) + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, const char* colour) {
  return "<line x1=\"" + number(x1) + "\" y1=\"" + number(y1) + "\" x2=\"" + number(x2) + "\" y2=\"" + number(y2) +
         "\" stroke=\"" + colour + "\"/>\n";
}

/// The next of 1, 2, 5, 10, 20, … that is not below.
double round_up(double value) {
  if (!(value > 0)) return 1;
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (value <= factor * power) return factor * power;
  return 10 * power;
}

/// One diagram: `value` of each point over the shards.
std::string panel(const std::vector<ScenarioRun>& runs, double y0, const std::string& title, double least,
                  double (*value)(const ScenarioPoint&)) {
  double most = least, shards = 1;
  for (const auto& run : runs)
    for (const auto& point : run.points) {
      most = std::max(most, value(point));
      shards = std::max(shards, static_cast<double>(point.shards));
    }
  most = round_up(most);
  const double plot = width - left - right;
  std::string svg = label(left, y0 - 10, "start", title);
  for (int i = 0; i <= 4; ++i) {
    const double y = y0 + panel_height * (1 - i / 4.0);
    svg += line(left, y, left + plot, y, "#ddd") + label(left - 8, y + 4, "end", number(most * i / 4));
    svg += label(left + plot * i / 4, y0 + panel_height + 18, "middle", number(shards * i / 4));
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    svg += "<polyline fill=\"none\" stroke-width=\"1.5\" stroke=\"" + std::string(colours[i % std::size(colours)]) +
           "\" points=\"";
    for (const auto& point : runs[i].points)
      svg += number(left + plot * static_cast<double>(point.shards) / shards) + "," +
             number(y0 + panel_height * (1 - value(point) / most)) + " ";
    svg += "\"/>\n";
  }
  return svg;
}

}  // namespace

std::string to_csv(const std::vector<ScenarioRun>& runs) {
  std::string csv = "verifier,shards,seconds,error_rate,redundancy,cheaters_left\n";
  for (const auto& run : runs)
    for (const auto& point : run.points)
      csv += run.verifier + "," + std::to_string(point.shards) + "," + number(point.seconds) + "," + number(point.error_rate) +
             "," + number(point.redundancy) + "," + std::to_string(point.cheaters) + "\n";
  return csv;
}

std::string to_svg(const Scenario& scenario, const std::vector<ScenarioRun>& runs) {
  const double height = top + 3 * (panel_height + gap);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + number(width) + "\" height=\"" + number(height) +
                    "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
  svg += label(left, 18, "start", "Scenario " + scenario.name + ", seed " + std::to_string(scenario.seed));
  for (std::size_t i = 0; i < runs.size(); ++i)
    svg += line(left + 330 + 150 * static_cast<double>(i), 14, left + 350 + 150 * static_cast<double>(i), 14,
                colours[i % std::size(colours)]) +
           label(left + 356 + 150 * static_cast<double>(i), 18, "start", runs[i].verifier);
  svg += panel(runs, top, "Executions per accepted shard", 1, [](const ScenarioPoint& point) { return point.redundancy; });
  svg += panel(runs, top + panel_height + gap, "Wrong results, as a part of those accepted", 0,
               [](const ScenarioPoint& point) { return point.error_rate; });
  svg += panel(runs, top + 2 * (panel_height + gap), "Cheaters that are not caught yet, over the shards decided", 1,
               [](const ScenarioPoint& point) { return static_cast<double>(point.cheaters); });
  return svg + "</svg>\n";
}

}  // namespace forgepool::testing
