#include "hub/used_tokens.hpp"

#include "base/checked_arithmetic.hpp"
#include "crypto/reason.hpp"
#include "wire/json.hpp"
#include "wire/json_reader.hpp"

namespace forgepool::hub {

std::string write_used_token(const UsedToken& used) {
  return json::canonicalize(
      json::Object{{"job", used.job.str()},
                   {"request", used.request.str()},
                   {"until_ms", std::chrono::ceil<std::chrono::milliseconds>(used.until).time_since_epoch().count()}});
}

Result<UsedToken> read_used_token(std::string_view record) {
  const auto value = json::parse_canonical(record, 4096);
  if (!value) return fail(ErrorKind::corrupt, value.error().message);
  json::ObjectReader reader(*value, "");
  UsedToken used;
  const std::string job = reader.string("job", 128);
  if (!job.empty() && !is_valid_id(job)) reader.refuse("job", "expected a job id, or nothing");
  used.job = JobId(job);
  used.request = reader.digest("request");
  used.until = time_from_ms(reader.integer("until_ms", 0, json::max_safe_integer));
  if (const auto done = reader.finish(); !done) return fail(ErrorKind::corrupt, done.error().message);
  return used;
}

Result<const UsedToken*> UsedTokens::look_up(const Ticket& ticket) const {
  const auto found = used_.find(ticket.token_id);
  if (found == used_.end()) {
    const auto changes = by_owner_.find(ticket.owner);
    if (changes == by_owner_.end() || changes->second < max_of_one) return nullptr;
    return refuse(ErrorKind::unavailable, "change_rate", "you have made too many changes in the last minutes; wait some");
  }
  if (found->second.request == ticket.request) return &found->second;
  return refuse(ErrorKind::unauthenticated, "token_replayed",
                "this token was good for one change, which it was used for; ask for another one");
}

void UsedTokens::forget(Time now, Effects& effects) {
  while (!ends_.empty() && ends_.begin()->first <= now) {
    const auto [token_id, owner] = std::move(ends_.extract(ends_.begin()).mapped());
    effects.erase(std::string(prefix) + token_id);
    used_.erase(token_id);
    if (const auto of = by_owner_.find(owner); of != by_owner_.end() && --of->second == 0) by_owner_.erase(of);
  }
}

void UsedTokens::use(const Ticket& ticket, const JobId& job, Time now, Effects& effects) {
  forget(now, effects);
  const UsedToken used{ticket.request, ticket.until, job};
  effects.put(std::string(prefix) + ticket.token_id, write_used_token(used));
  if (!used_.emplace(ticket.token_id, used).second) return;
  ends_.emplace(used.until, Ending{ticket.token_id, ticket.owner});
  ++by_owner_[ticket.owner];
}

void UsedTokens::restore(std::string token_id, UsedToken used) {
  const Time until = used.until;
  if (used_.emplace(token_id, std::move(used)).second) ends_.emplace(until, Ending{std::move(token_id), {}});
}

}  // namespace forgepool::hub
