#include "audit/report_plots.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace forgepool::audit {
namespace {

constexpr double width = 1000, gutter = 190, right = 20, row_height = 26;

std::string coordinate(double value) {
  return fmt::format("{:.1f}", value);
}

/// A row's label: cut, so that it stays beside the plot.
std::string label(std::string_view text) {
  constexpr std::size_t most = 22;
  if (text.size() <= most) return std::string(text);
  return std::string(text.substr(0, most - 1)) + "…";
}

/// Which of `count` marks to leave out, so that at most max_plot_marks stay.
class Thinning {
 public:
  explicit Thinning(std::size_t count) : step_((count + max_plot_marks - 1) / max_plot_marks) {}
  bool shows(std::size_t i) const { return step_ <= 1 || i % step_ == 0; }
  std::string note() const { return step_ <= 1 ? "" : fmt::format(" One of {} marks is drawn.", step_); }

 private:
  std::size_t step_;
};

/// Maps what is measured to the part of the plot that is right of the labels.
class Axis {
 public:
  Axis(double first, double last) : first_(first), span_(std::max(last - first, 1e-9)) {}
  double at(double value) const { return gutter + (value - first_) / span_ * (width - gutter - right); }

 private:
  double first_, span_;
};

class Plot {
 public:
  Plot(Markup& page, double height, const std::string& title) : page_(page) {
    page.open("figure");
    page.open("svg", {{"viewBox", fmt::format("0 0 {} {}", width, height)}, {"role", "img"}, {"aria-label", title}});
    page.element("title", title);
  }
  void text(double x, double y, std::string_view text, std::string_view anchor = "start", std::string_view style = "") {
    page_.element(
        "text", text,
        {{"x", coordinate(x)}, {"y", coordinate(y)}, {"text-anchor", std::string(anchor)}, {"class", std::string(style)}});
  }
  void line(double x1, double y1, double x2, double y2, std::string_view style) {
    page_.empty("line", {{"x1", coordinate(x1)},
                         {"y1", coordinate(y1)},
                         {"x2", coordinate(x2)},
                         {"y2", coordinate(y2)},
                         {"class", std::string(style)}});
  }
  void bar(double x, double y, double w, double h, std::string_view style, const std::string& tip) {
    page_.open("rect", {{"x", coordinate(x)},
                        {"y", coordinate(y)},
                        {"width", coordinate(w)},
                        {"height", coordinate(h)},
                        {"rx", "2"},
                        {"class", std::string(style)}});
    if (!tip.empty()) page_.element("title", tip);
    page_.close();
  }
  void finish(const std::string& caption) {
    page_.close();
    page_.element("figcaption", caption);
    page_.close();
  }

 private:
  Markup& page_;
};

double seconds(Time time) {
  return static_cast<double>(unix_seconds(time));
}

std::string clock(Time time) {
  return to_rfc3339(time).substr(11, 8);
}

/// Those who are shown: first who lost an answer, then by name.
std::vector<std::string> agents_of(const JobRecord& job) {
  std::vector<std::string> agents = job.report.rejected;
  std::set<std::string> others;
  for (const auto& receipt : job.receipts)
    if (std::ranges::find(agents, receipt.agent) == agents.end()) others.insert(receipt.agent);
  agents.insert(agents.end(), others.begin(), others.end());
  if (agents.size() > max_plot_rows) agents.resize(max_plot_rows);
  return agents;
}

void time_ticks(Plot& plot, const Axis& axis, Time begin, Time end, double height) {
  constexpr int ticks = 5;
  for (int i = 0; i < ticks; ++i) {
    const Time at = begin + (end - begin) * i / (ticks - 1);
    const double x = axis.at(seconds(begin) + (seconds(end) - seconds(begin)) * i / (ticks - 1));
    plot.line(x, 8, x, height - 24, "grid");
    plot.text(x, height - 8, clock(at), i == 0 ? "start" : i == ticks - 1 ? "end" : "middle", "soft");
  }
}

}  // namespace

std::string short_name(std::string_view spiffe_id) {
  const auto slash = spiffe_id.rfind('/');
  return std::string(slash == std::string_view::npos ? spiffe_id : spiffe_id.substr(slash + 1));
}

void plot_timeline(Markup& page, const JobRecord& job) {
  const auto agents = agents_of(job);
  // Whole seconds are all that is known: a job of one second has a width, too.
  const Time begin = job.began(), end = std::max(job.ended(), begin + std::chrono::seconds(1));
  const Axis axis(seconds(begin), seconds(end));
  const double height = row_height * static_cast<double>(agents.size() + 1) + 40;
  Plot plot(page, height, "Timeline: when each agent worked, and when the hub decided");
  time_ticks(plot, axis, begin, end, height);
  std::map<std::string, double> rows;
  double y = 10;
  for (const auto& agent : agents) {
    const bool lost = std::ranges::find(job.report.rejected, agent) != job.report.rejected.end();
    plot.text(0, y + 15, label((lost ? "✕ " : "") + short_name(agent)));
    rows[agent] = y;
    y += row_height;
  }
  plot.text(0, y + 15, "hub: verdicts", "start", "soft");
  const Thinning bars(job.receipts.size()), ticks(job.verdicts.size());
  for (std::size_t i = 0; i < job.receipts.size(); ++i) {
    const auto& receipt = job.receipts[i];
    const auto row = rows.find(receipt.agent);
    if (row == rows.end() || !bars.shows(i)) continue;
    const bool lost = std::ranges::find(job.report.rejected, receipt.agent) != job.report.rejected.end();
    const double x = axis.at(seconds(receipt.started_at)), x_end = axis.at(seconds(receipt.finished_at));
    plot.bar(x, row->second + 4, std::max(4.0, x_end - x), row_height - 10, lost ? "bad" : "accent",
             fmt::format("lease {}: {} of {} shards, {} to {}", receipt.lease, receipt.ended_well, receipt.shards,
                         clock(receipt.started_at), clock(receipt.finished_at)));
  }
  std::map<Time, std::size_t> decided;
  for (const auto& verdict : job.verdicts) ++decided[verdict.verified_at];
  std::size_t number = 0;
  for (const auto& [at, count] : decided)
    if (ticks.shows(number++))
      plot.bar(axis.at(seconds(at)) - 2, y + 4, 4, row_height - 10, "second",
               fmt::format("{} verdicts at {}", count, clock(at)));
  std::set<std::string> names;
  for (const auto& receipt : job.receipts) names.insert(receipt.agent);
  plot.finish(fmt::format(
      "{} to {}. Bars are leases, by the agents' own clocks; ✕ and red: an answer of this agent lost.{}{}", to_rfc3339(begin),
      to_rfc3339(job.ended()), bars.note(),
      names.size() > agents.size() ? fmt::format(" {} more agents are not drawn.", names.size() - agents.size()) : ""));
}

void plot_ledger_order(Markup& page, const JobRecord& job) {
  std::vector<std::pair<std::string, std::vector<std::uint64_t>>> lanes;
  const auto lane = [&](const std::string& kind) -> std::vector<std::uint64_t>& {
    const auto found = std::ranges::find(lanes, kind, &std::pair<std::string, std::vector<std::uint64_t>>::first);
    return found != lanes.end() ? found->second : lanes.emplace_back(kind, std::vector<std::uint64_t>()).second;
  };
  for (const char* kind : {"contract", "plan", "lease", "receipt", "verdict"}) lane(kind);
  for (const auto& event : job.events) lane(event.kind).push_back(event.entry);
  for (const auto& receipt : job.receipts) lane("receipt").push_back(receipt.entry);
  for (const auto& verdict : job.verdicts) lane("verdict").push_back(verdict.entry);
  std::uint64_t first = UINT64_MAX, last = 0;
  for (const auto& [kind, entries] : lanes)
    for (const auto entry : entries) first = std::min(first, entry), last = std::max(last, entry);
  first = std::min(first, last);
  const Axis axis(static_cast<double>(first), static_cast<double>(last));
  const double lane_height = 20, height = lane_height * static_cast<double>(lanes.size()) + 40;
  Plot plot(page, height, "Order in the ledger: entries of the job by kind");
  double y = 8;
  std::string notes;
  for (auto& [kind, entries] : lanes) {
    plot.text(0, y + 13, label(kind));
    plot.text(gutter - 14, y + 13, std::to_string(entries.size()), "end", "soft");
    plot.line(gutter, y + lane_height - 2, width - right, y + lane_height - 2, "grid");
    std::ranges::sort(entries);
    const Thinning marks(entries.size());
    if (notes.empty()) notes = marks.note();
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (marks.shows(i))
        plot.bar(axis.at(static_cast<double>(entries[i])) - 1.5, y + 2, 3, lane_height - 7,
                 kind == "quarantine" || kind == "appeal" ? "bad"
                 : kind == "receipt"                      ? "accent"
                                                          : "second",
                 fmt::format("{}: entry {}", kind, entries[i]));
    y += lane_height;
  }
  plot.text(gutter, height - 8, fmt::format("entry {}", first), "start", "soft");
  plot.text(width - right, height - 8, fmt::format("entry {}", last), "end", "soft");
  plot.finish(
      "What the hub committed itself to (plan, leases) stands before what agents answered (receipts), and those before what "
      "was "
      "decided on them (verdicts)." +
      notes);
}

void plot_error_bounds(Markup& page, const JobRecord& job) {
  // By the power of ten above; 1 for what nobody confirmed.
  std::map<int, std::size_t> counts;
  for (const auto& verdict : job.verdicts)
    ++counts[verdict.error_bound > 0 ? static_cast<int>(std::ceil(std::log10(verdict.error_bound) - 1e-9)) : -99];
  std::size_t most = 1;
  for (const auto& [power, count] : counts) most = std::max(most, count);
  const double height = row_height * static_cast<double>(counts.size()) + 12;
  Plot plot(page, height, "Error bounds: how many shards are wrong with at most which probability");
  double y = 6;
  for (const auto& [power, count] : counts) {
    const std::string range = power == -99 ? "0" : power >= 0 ? "P(wrong) ≤ 1" : fmt::format("P(wrong) ≤ 1e{}", power);
    plot.text(0, y + 15, range);
    const double length = (width - gutter - 120) * static_cast<double>(count) / static_cast<double>(most);
    plot.bar(gutter, y + 3, std::max(3.0, length), row_height - 9, "accent", "");
    plot.text(gutter + std::max(3.0, length) + 8, y + 15, fmt::format("{} shard{}", count, count == 1 ? "" : "s"), "start",
              "soft");
    y += row_height;
  }
  plot.finish(fmt::format(
      "Against an adversary that makes {:g}% of the agents cheat{}. At most {:.2g} shards are wrong in expectation.",
      job.report.adversary.fraction * 100, job.report.adversary.collusion ? " together" : ", each for itself",
      job.report.expected_wrong));
}

}  // namespace forgepool::audit
