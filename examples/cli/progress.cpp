#include "progress.hpp"

#include "output.hpp"

#include <fmt/core.h>

#include <cstdio>

#include <unistd.h>

namespace forgepool_cli {

using namespace forgepool;

Progress::Progress() : live_(::isatty(STDERR_FILENO) == 1) {}

void Progress::update(const JobStatus& status) {
  const auto line = [&](const std::string& text) { fmt::print(stderr, "{}{}\n", live_ && drawn_ ? "\r\x1b[K" : "", text); };
  for (; caught_shown_ < status.caught.size(); ++caught_shown_) {
    const auto& agent = status.caught[caught_shown_];
    line(fmt::format("caught: agent {} lied about shard {}: returned {}…, accepted is {}…; quarantined", agent.agent.str(),
                     agent.shard, agent.returned.hex().substr(0, 12), agent.accepted.hex().substr(0, 12)));
    drawn_ = false;
  }
  // A wait that lasts is worth a line; the moments between two leases are not.
  const std::string reason = status.leased == 0 && !status.reasons.empty() ? status.reasons.front().text : "";
  if (reason != reason_shown_ && !reason.empty()) {
    line("waiting: " + printable(reason));
    drawn_ = false;
  }
  reason_shown_ = reason;

  const std::uint32_t shards = std::max(1u, status.shards);
  if (live_) {
    constexpr std::uint32_t width = 40;
    const auto full = static_cast<std::size_t>(std::uint64_t{status.accepted} * width / shards);
    fmt::print(stderr, "\r\x1b[K[{}{}] {}/{} shards, {} executions, {} agents", std::string(full, '#'),
               std::string(width - full, '-'), status.accepted, status.shards, status.executions, status.agents);
    std::fflush(stderr);
    drawn_ = true;
    return;
  }
  const auto tenths = static_cast<std::uint32_t>(std::uint64_t{status.accepted} * 10 / shards);
  if (tenths == tenths_shown_) return;
  tenths_shown_ = tenths;
  line(fmt::format("{:3}%  {} of {} shards accepted, {} executions by {} agents", tenths * 10, status.accepted, status.shards,
                   status.executions, status.agents));
}

void Progress::finish() {
  if (live_ && drawn_) fmt::print(stderr, "\n");
  drawn_ = false;
}

}  // namespace forgepool_cli
