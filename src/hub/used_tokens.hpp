#pragma once
/// Tokens that are good for one change, and what became of it. An answer may be lost on the way: the same request with the same
/// token is then answered as before. With anything else the token is worth nothing any more. Kept until the token has run out,
/// in the same transaction as the change, so that a restart changes neither.
#include "hub/effects.hpp"

#include <forgepool/digest.hpp>
#include <forgepool/ids.hpp>
#include <forgepool/result.hpp>
#include <forgepool/time.hpp>

#include <map>
#include <string>

namespace forgepool::hub {

/// A request for a change, with the token that permits it.
struct Ticket {
  std::string token_id;
  Digest request;       ///< Of method, path and body.
  Time until{};         ///< When the token is refused for its age.
  std::string owner{};  ///< Whose change it is; see Caller::owner.
};

struct UsedToken {
  Digest request;
  Time until{};
  JobId job;  ///< That was made of it; empty: none was.
};
std::string write_used_token(const UsedToken& used);
Result<UsedToken> read_used_token(std::string_view record);

class UsedTokens {
 public:
  static constexpr std::string_view prefix = "used/";

  /// Null if the token was not used; what was done if it was, with this request. `unauthenticated` token_replayed otherwise.
  /// `unavailable` if it was not used, and its owner has made as many changes lately as are remembered of one.
  Result<const UsedToken*> look_up(const Ticket& ticket) const;
  /// Those that ran out.
  void forget(Time now, Effects& effects);
  /// After the change was made.
  void use(const Ticket& ticket, const JobId& job, Time now, Effects& effects);
  void restore(std::string token_id, UsedToken used);
  std::size_t size() const { return used_.size(); }

  /// 60 changes a second, sustained.
  static constexpr std::size_t max_of_one = 20'000;

 private:
  struct Ending {
    std::string token_id, owner;
  };
  std::map<std::string, UsedToken, std::less<>> used_;
  std::multimap<Time, Ending> ends_;
  std::map<std::string, std::size_t, std::less<>> by_owner_;  ///< Since the last restart.
};

}  // namespace forgepool::hub
