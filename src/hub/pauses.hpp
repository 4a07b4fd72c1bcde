#pragma once
/// Agents that get no work for a while, because what they were given last they could not even begin, or reported so that it was
/// refused: 1 s at first, twice as long each time it happens again, 5 minutes at most. Begins anew with a restart.
#include <forgepool/ids.hpp>
#include <forgepool/time.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>

namespace forgepool::hub {

class Pauses {
 public:
  struct Pause {
    std::uint32_t in_a_row = 0;
    Time until{};
    std::string why;
  };

  /// `partly`: something else that it was given it could do.
  void failed(const AgentId& agent, std::string why, Time now, bool partly = false);
  void worked(const AgentId& agent);

  /// The clock that `now` is of was set by so much.
  void clock_set(Duration by);

  bool pauses(const AgentId& agent, Time now) const;
  /// When the next pause ends that `ended` did not tell of.
  std::optional<Time> next_end() const { return ends_.empty() ? std::nullopt : std::optional(ends_.begin()->first); }
  /// Whether one ended since the last call.
  bool ended(Time now);
  /// Of all agents that failed last, pausing or not.
  const std::map<AgentId, Pause>& all() const { return pauses_; }

 private:
  std::map<AgentId, Pause> pauses_;
  std::set<std::pair<Time, AgentId>> ends_;
};

}  // namespace forgepool::hub
