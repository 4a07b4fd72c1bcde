// What a hub promised to agents, held against its log.
#include "open_log.hpp"
#include "output.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool_cli {

using namespace forgepool;

namespace {

constexpr std::size_t max_root_bytes = 1u << 20;

std::string tell(const LogPromise& promise, PromiseState state, const LedgerHead& head) {
  const std::string promised = fmt::format("the hub signed that entry {} of {} is {}, by {}", promise.index, promise.log,
                                           promise.leaf.str(), to_rfc3339(promise.by));
  switch (state) {
    case PromiseState::kept: return promised + ": it is";
    case PromiseState::pending: return promised + fmt::format("; the log has {} entries, and time until then", head.size);
    case PromiseState::overdue:
      return promised + fmt::format("; the log has {} entries: if it is the one of now, the promise is broken", head.size);
    case PromiseState::broken: return promised + fmt::format("; in the log of {} entries it is another one", head.size);
  }
  return promised;
}

}  // namespace

Result<std::vector<PromiseLine>> check_promises(const std::vector<std::string>& promises, std::string_view root,
                                                const OpenLog& log) {
  const Time now = make_event_loop()->now();
  std::vector<PromiseLine> lines;
  for (const auto& text : promises) {
    const auto promise = verify_promise(text, root);
    if (!promise) return fail(promise.error());
    const auto state = check_promise(*promise, log.origin(), log.fetch, log.head, now);
    if (!state) return fail(state.error());
    lines.push_back({"promise for lease " + promise->lease.str(), *state, tell(*promise, *state, log.head)});
  }
  return lines;
}

int agent_promises(const Common& common, const LogPlace& place) {
  if (common.address.credentials.empty())
    return complain({ErrorKind::invalid_input, "whose promises? Give --credentials DIR of an agent"}, common.json);
  const auto root = read_file(place.root, max_root_bytes);
  if (!root) return complain(root.error(), common.json);
  const auto promises = kept_promises(common.address.credentials);
  if (!promises) return complain(promises.error(), common.json);
  const auto log = open_log(common, place);
  if (!log) return complain(log.error(), common.json);
  const auto checked = check_promises(*promises, as_text(*root), *log);
  if (!checked) return complain(checked.error(), common.json);

  const auto count = [&](PromiseState state) { return std::ranges::count(*checked, state, &PromiseLine::state); };
  // A hub that is asked shows its log as it is now; a copy may be old.
  const bool copied = !place.folder.empty();
  const auto broken = count(PromiseState::broken) + (copied ? 0 : count(PromiseState::overdue));
  const int code = broken > 0 ? exit_failed : count(PromiseState::overdue) > 0 ? exit_unchecked : exit_ok;
  auto list = nlohmann::ordered_json::array();
  for (const auto& line : *checked) {
    if (line.state == PromiseState::kept) continue;
    list.push_back({{"subject", line.subject}, {"state", to_string(line.state)}, {"what", line.what}});
    if (!common.json) fmt::print("  {:<8} {}: {}\n", to_string(line.state), printable(line.subject), printable(line.what));
  }
  if (common.json) {
    nlohmann::ordered_json report{{"kept", count(PromiseState::kept)}, {"of", checked->size()}, {"others", std::move(list)}};
    if (code != exit_ok) report["exit_code"] = code;
    print_json(report);
  } else {
    fmt::print("{}: {} of {} promises are kept, in the log {} of {} entries\n",
               code == exit_ok       ? "KEPT"
               : code == exit_failed ? "BROKEN"
                                     : "NOT CHECKED",
               count(PromiseState::kept), checked->size(), log->origin(), log->head.size);
  }
  return code;
}

}  // namespace forgepool_cli
