#include "hub/pauses.hpp"

#include <algorithm>

namespace forgepool::hub {
namespace {

constexpr Duration shortest = std::chrono::seconds(1), longest = std::chrono::minutes(5);
constexpr std::uint32_t most_doublings = 9;

}  // namespace

void Pauses::failed(const AgentId& agent, std::string why, Time now, bool partly) {
  Pause& pause = pauses_[agent];
  ends_.erase({pause.until, agent});
  pause.in_a_row = partly ? 1 : pause.in_a_row + 1;
  pause.until = now + std::min(longest, shortest * (1 << std::min(pause.in_a_row - 1, most_doublings)));
  pause.why = std::move(why);
  ends_.emplace(pause.until, agent);
}

void Pauses::worked(const AgentId& agent) {
  const auto found = pauses_.find(agent);
  if (found == pauses_.end()) return;
  ends_.erase({found->second.until, agent});
  pauses_.erase(found);
}

void Pauses::clock_set(Duration by) {
  ends_.clear();
  for (auto& [agent, pause] : pauses_) {
    pause.until += by;
    ends_.emplace(pause.until, agent);
  }
}

bool Pauses::pauses(const AgentId& agent, Time now) const {
  const auto found = pauses_.find(agent);
  return found != pauses_.end() && now < found->second.until;
}

bool Pauses::ended(Time now) {
  bool any = false;
  for (; !ends_.empty() && ends_.begin()->first <= now; ends_.erase(ends_.begin())) any = true;
  return any;
}

}  // namespace forgepool::hub
