/// The facts of a scope as a page for people.
#include "audit/report_plots.hpp"
#include "audit/report_style.hpp"
#include "base/checked_arithmetic.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <set>

namespace forgepool {
namespace {

using namespace audit;

constexpr std::size_t max_rows = 300;

struct AgentLine {
  std::uint32_t leases = 0, shards = 0, ended_well = 0;
  std::uint64_t cpu_ms = 0;
  std::set<std::string> levels, determinism, classes, regions, tiers;
};

std::string list(const std::set<std::string>& items) {
  std::string text;
  for (const auto& item : items)
    if (!item.empty()) text += (text.empty() ? "" : ", ") + item;
  return text.empty() ? "not stated" : text;
}

std::string list(const std::vector<std::string>& items, std::string_view none) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + item;
  return text.empty() ? std::string(none) : text;
}

class Report {
 public:
  explicit Report(const AuditScope& scope) : scope_(scope) {}

  std::string write() {
    page_.raw("<!doctype html>\n");
    page_.open("html", {{"lang", "en"}});
    head();
    page_.open("body");
    header();
    page_.open("main");
    tiles();
    if (scope_.log) log();
    for (std::size_t i = 0; i < scope_.jobs.size(); ++i) job(scope_.jobs[i], i);
    limits();
    page_.close();
    page_.open("footer");
    page_.element(
        "p",
        "Made by forgepool audit report. The same facts as JSON: --format json. To check them again: forgepool verify and "
        "forgepool ledger verify, with the same trusted root.",
        {{"class", "soft"}});
    return page_.finish();
  }

 private:
  void head() {
    page_.open("head").empty("meta", {{"charset", "utf-8"}});
    page_.empty("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
    // The page asks nobody for anything, and what is in it cannot make it.
    page_.empty("meta", {{"http-equiv", "Content-Security-Policy"},
                         {"content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:"}});
    page_.empty("link", {{"rel", "icon"}, {"href", "data:,"}});
    page_.element("title", "Audit report: " + scope_.title);
    page_.raw("<style>").raw(report_style).raw("</style>\n").close();
  }

  void header() {
    page_.open("header");
    page_.element("p", "Audit report", {{"class", "soft"}});
    page_.element("h1", scope_.title);
    const bool complete = std::ranges::all_of(scope_.jobs, [](const auto& job) { return job.report.complete(); });
    page_.open("p").element("span", complete ? "✓ everything here verified" : "nothing here was refuted, not all was checked",
                            {{"class", complete ? "badge good" : "badge bad"}});
    page_.text(fmt::format(" against the trusted root of {}, on {}.", scope_.trust_domain, to_rfc3339(scope_.made_at))).close();
    page_.close();
  }

  void tile(std::string_view name, const std::string& value) {
    page_.open("div").element("dt", name).element("dd", value).close();
  }

  void tiles() {
    std::uint64_t shards = 0, receipts = 0;
    std::set<std::string> agents, rejected;
    double bound = 0;
    for (const auto& job : scope_.jobs) {
      shards += job.report.shards;
      receipts += job.report.receipts;
      for (const auto& receipt : job.receipts) agents.insert(receipt.agent);
      rejected.insert(job.report.rejected.begin(), job.report.rejected.end());
      bound = std::max(bound, job.report.error_bound);
    }
    page_.open("dl", {{"class", "tiles"}});
    tile("jobs", std::to_string(scope_.jobs.size()));
    tile("shards, all accepted", std::to_string(shards));
    tile("receipts", std::to_string(receipts));
    tile("agents", std::to_string(agents.size()));
    tile("agents whose answer lost", std::to_string(rejected.size()));
    tile("largest P(wrong) of a shard", fmt::format("{:.2g}", bound));
    page_.close();
  }

  void fact(std::string_view name, std::string_view value, bool code = false) {
    page_.element("dt", name);
    page_.open("dd").element(code ? "code" : "span", value).close();
  }

  void log() {
    const LogRecord& log = *scope_.log;
    page_.open("section", {{"class", "card"}}).element("h2", "The ledger as a whole");
    page_.open("dl", {{"class", "facts"}});
    fact("log", log.origin);
    fact("entries", fmt::format("{}, each read, and every tile", log.head.size));
    fact("root", log.head.root.str(), true);
    fact("continues", fmt::format("{} checkpoints that the auditor kept, and {} of the bundles: it only ever grew",
                                  log.earlier_checkpoints, log.bundle_checkpoints));
    fact("witnesses", log.witness_quorum ? "the checkpoint has the cosignatures that the policy asks for" : "not asked for");
    page_.close().close();
  }

  /// Opens a table; the caller writes rows into its body and closes twice, and `</div>`.
  void table(std::string_view caption, std::initializer_list<std::string_view> columns) {
    page_.open("div", {{"class", "scroll"}, {"tabindex", "0"}, {"role", "region"}, {"aria-label", std::string(caption)}});
    page_.open("table").element("caption", caption).open("thead").open("tr");
    for (const auto column : columns) page_.element("th", column, {{"scope", "col"}});
    page_.close().close().open("tbody");
  }
  void end_table() { page_.close().close().close(); }
  void cut(std::size_t count, std::string_view what) {
    if (count > max_rows)
      page_.element("p", fmt::format("{} more {} are in the JSON report.", count - max_rows, what), {{"class", "soft"}});
  }

  void job(const JobRecord& job, std::size_t number) {
    page_.open("article", {{"id", fmt::format("job-{}", number + 1)}});
    page_.element("h2", "Job " + job.report.job.str());
    page_.open("p")
        .element("span", job.report.complete() ? "✓ verified" : "not all checked",
                 {{"class", job.report.complete() ? "badge good" : "badge bad"}})
        .raw(" ");
    if (!job.report.rejected.empty())
      page_.element("span", fmt::format("✕ {} caught", job.report.rejected.size()), {{"class", "badge bad"}}).raw(" ");
    page_.text(fmt::format("{}, {} shards, {} to {}", job.operation, job.report.shards, to_rfc3339(job.began()),
                           to_rfc3339(job.ended())));
    page_.close();
    for (const auto& check : job.report.unchecked) page_.element("p", "Not checked: " + check.name + ": " + check.detail);
    for (const auto& choice : job.report.unpinned) page_.element("p", "Not pinned: " + choice);
    page_.open("dl", {{"class", "facts"}});
    fact("contract", job.report.contract.str(), true);
    fact("adapter", job.report.adapter.str(), true);
    fact("plan", job.report.plan.str(), true);
    fact("result", job.report.result.str(), true);
    page_.close();
    page_.element("h3", "Timeline");
    plot_timeline(page_, job);
    page_.element("h3", "Participating agents");
    agents(job);
    page_.element("h3", "Verification outcomes and error bounds");
    plot_error_bounds(page_, job);
    verdicts(job);
    page_.element("h3", "Residency decisions");
    residency(job);
    page_.element("h3", "Ledger proofs");
    proofs(job);
    page_.close();
  }

  void agents(const JobRecord& job) {
    std::map<std::string, AgentLine> agents;
    for (const auto& receipt : job.receipts) {
      AgentLine& line = agents[receipt.agent];
      ++line.leases;
      line.shards += receipt.shards;
      line.ended_well += receipt.ended_well;
      line.cpu_ms = saturating_add(line.cpu_ms, receipt.cpu_ms);
      line.levels.insert(receipt.sandbox + " " + receipt.level);
      line.determinism.insert(receipt.determinism);
      line.classes.insert(receipt.numeric_class);
    }
    table("Sandbox, determinism, numeric class and CPU time are the agents' own word, under their signature.",
          {"agent", "outcome", "leases", "shards run", "sandbox", "determinism", "numeric class", "CPU time"});
    std::size_t rows = 0;
    for (const auto& [agent, line] : agents) {
      if (++rows > max_rows) break;
      const bool lost = std::ranges::find(job.report.rejected, agent) != job.report.rejected.end();
      page_.open("tr").element("th", short_name(agent), {{"scope", "row"}, {"title", agent}});
      const auto caught = job.quarantined.find(short_name(agent));
      page_.open("td")
          .element("span",
                   !lost                             ? "✓ nothing lost"
                   : caught == job.quarantined.end() ? std::string("✕ an answer lost")
                                                     : fmt::format("✕ caught at shard {}", caught->second),
                   {{"class", lost ? "bad" : "good"}})
          .close();
      page_.element("td", std::to_string(line.leases))
          .element("td", fmt::format("{} of {} well", line.ended_well, line.shards));
      page_.element("td", list(line.levels)).element("td", list(line.determinism)).element("td", list(line.classes));
      page_.element("td", fmt::format("{:.2f} s", static_cast<double>(line.cpu_ms) / 1000)).close();
    }
    end_table();
    cut(agents.size(), "agents");
  }

  void verdicts(const JobRecord& job) {
    // First what is least sure, and where somebody lost.
    std::vector<const RecordedVerdict*> order;
    for (const auto& verdict : job.verdicts) order.push_back(&verdict);
    if (order.size() > max_rows)
      std::ranges::stable_sort(order, [](const auto* a, const auto* b) {
        const bool a_lost = a->agree < a->answers, b_lost = b->agree < b->answers;
        return a_lost != b_lost ? a_lost : a->error_bound > b->error_bound;
      });
    page_.open("details", {{"open", ""}}).element("summary", fmt::format("{} verdicts", job.verdicts.size()));
    table(fmt::format("Asked for by the contract: {}.", to_string(job.policy.verify)),
          {"shard", "agreed", "rule", "P(wrong) at most", "accepted output", "decided", "ledger entry"});
    for (std::size_t i = 0; i < std::min(order.size(), max_rows); ++i) {
      const RecordedVerdict& verdict = *order[i];
      page_.open("tr").element("th", std::to_string(verdict.shard), {{"scope", "row"}});
      page_.open("td")
          .element("span",
                   fmt::format("{}{} of {}", verdict.agree < verdict.answers ? "✕ " : "", verdict.agree, verdict.answers),
                   {{"class", verdict.agree < verdict.answers ? "bad" : "good"}})
          .close();
      page_.element("td", verdict.rule).element("td", fmt::format("{:.3g}", verdict.error_bound));
      page_.open("td").element("code", verdict.accepted.hex().substr(0, 16) + "…", {{"title", verdict.accepted.str()}}).close();
      page_.element("td", to_rfc3339(verdict.verified_at).substr(11, 8)).element("td", std::to_string(verdict.entry)).close();
    }
    end_table();
    cut(job.verdicts.size(), "verdicts");
    page_.close();
  }

  void residency(const JobRecord& job) {
    const Residency& asked = job.residency;
    page_.open("dl", {{"class", "facts"}});
    fact("regions allowed", list(asked.regions, "anywhere"));
    fact("tier asked for", asked.target);
    fact("data class", asked.data_class.empty() ? "unclassified" : asked.data_class);
    fact("hub", (asked.hub_region.empty() ? "region not stated" : "in " + asked.hub_region) +
                    (asked.profile.empty() ? "" : ", profile " + asked.profile));
    page_.close();
    // What admitted agents, and how often.
    std::map<std::tuple<std::string, std::string, std::string>, std::pair<std::uint32_t, std::set<std::string>>> decisions;
    for (const auto& receipt : job.receipts) {
      auto& [leases, agents] = decisions[{receipt.admitted.region, receipt.admitted.tier, receipt.admitted.data_class}];
      ++leases;
      agents.insert(short_name(receipt.agent));
    }
    table("What let agents work on it, as committed to in the ledger before they were told",
          {"region", "tier", "cleared for", "leases", "agents"});
    for (const auto& [admitted, whom] : decisions) {
      const auto& [region, tier, data_class] = admitted;
      page_.open("tr").element("th", region.empty() ? "not stated" : region, {{"scope", "row"}});
      page_.element("td", tier.empty() ? "not stated" : tier)
          .element("td", data_class.empty() ? "unclassified data" : data_class);
      page_.element("td", std::to_string(whom.first)).element("td", list(whom.second)).close();
    }
    end_table();
  }

  void proofs(const JobRecord& job) {
    plot_ledger_order(page_, job);
    page_.element(
        "p",
        fmt::format(
            "Each of the {} entries was proved to be in the log of {} entries whose head is signed below (RFC 6962, C2SP).",
            job.events.size() + job.receipts.size() + job.verdicts.size(), job.head.size));
    page_.element("pre", job.checkpoint, {{"tabindex", "0"}, {"aria-label", "Signed checkpoint"}});
    page_.open("details").element("summary", "What was committed to, by entry");
    table("Events of the job; leases are left out", {"entry", "kind", "content"});
    std::size_t rows = 0;
    for (const auto& event : job.events) {
      if (event.kind == "lease" || ++rows > max_rows) continue;
      page_.open("tr").element("th", std::to_string(event.entry), {{"scope", "row"}}).element("td", event.kind);
      page_.open("td").element("code", event.content).close().close();
    }
    end_table();
    cut(rows, "events");
    page_.close();
    page_.open("details").element("summary", "What was checked");
    page_.open("ul", {{"class", "checks"}});
    std::size_t left_out = 0;
    for (const auto& check : job.report.checks) {
      if (check.name.starts_with("receipt ") || check.name.starts_with("verdict "))
        ++left_out;
      else
        page_.element("li", check.detail.empty() ? check.name : check.name + ": " + check.detail);
    }
    page_.element("li", fmt::format("every receipt and every shard's verdict: {} checks", left_out));
    page_.close().close();
  }

  void limits() {
    page_.open("section", {{"class", "card"}}).element("h2", "What this does not show");
    page_.element(
        "p",
        "That an agent's own times, its sandbox level, its determinism class and its usage are true; that agents with "
        "different "
        "names have different owners; that the hub logged every receipt that it was sent; that agents passed as many checks in "
        "other jobs as the verdicts say.");
    if (!scope_.log)
      page_.element(
          "p",
          "That the checkpoints are those that others see: the log itself was not read. forgepool audit report does it, with "
          "a hub or --dir.");
    page_.close();
  }

  const AuditScope& scope_;
  Markup page_;
};

}  // namespace

std::string write_audit_report_html(const AuditScope& scope) {
  return Report(scope).write();
}

}  // namespace forgepool
