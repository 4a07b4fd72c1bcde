#pragma once
/// The plots of a report, as SVG that says in words, too, what it shows.
#include "audit/html.hpp"

#include <forgepool/audit_report.hpp>

namespace forgepool::audit {

/// At most so many marks per plot: beyond, marks are left out evenly, and the caption says so.
inline constexpr std::size_t max_plot_marks = 2'000;
/// At most so many agents have a row in a timeline.
inline constexpr std::size_t max_plot_rows = 40;

/// Who worked when, by their own clocks, and when the hub decided.
void plot_timeline(Markup& page, const JobRecord& job);
/// In which order the job's entries stand in the ledger, by kind.
void plot_ledger_order(Markup& page, const JobRecord& job);
/// How many shards have which error bound, by powers of ten.
void plot_error_bounds(Markup& page, const JobRecord& job);

/// "a-vvxw…" of "spiffe://pool/agent/a-vvxw…".
std::string short_name(std::string_view spiffe_id);

}  // namespace forgepool::audit
