#pragma once
/// What a hub promises when it acknowledges an answer: that the receipt stands in its log, and where. An agent keeps the last
/// ones; a log in which something else stands there, or which does not get there in time, is evidence against the hub that
/// anybody can check.
///
/// Promises are signed by the hub's key; as text they are one line of JSON. Pure functions but for the two about files.
#include <forgepool/ids.hpp>
#include <forgepool/tiled_log.hpp>
#include <forgepool/time.hpp>

#include <string>
#include <vector>

namespace forgepool {

struct LogPromise {
  std::string log;          ///< Its origin.
  LeaseId lease;            ///< Whose receipt it is about.
  Digest leaf;              ///< RFC 6962 hash of the receipt's leaf,
  std::uint64_t index = 0;  ///< which is the entry of this number,
  Time by{};                ///< in every checkpoint that the hub gives out from then on. Whole seconds.

  friend bool operator==(const LogPromise&, const LogPromise&) = default;
};

/// Checks that the hub of this trusted root signed it. invalid_input for what is no promise or root, unauthenticated for one by
/// somebody else.
FORGEPOOL_API Result<LogPromise> verify_promise(std::string_view promise, std::string_view trusted_root);

enum class PromiseState {
  kept,     ///< The log has the receipt where it was promised.
  pending,  ///< The log does not reach so far, and need not yet.
  overdue,  ///< It does not, and should: broken, unless this is an old copy of the log.
  broken,   ///< Something else stands there.
};
FORGEPOOL_API std::string_view to_string(PromiseState state);
/// Holds a promise against the log at `origin`, whose head is `head`. invalid_input if it is about another log; errors of
/// reading are those of `fetch`, and `corrupt` for tiles that do not fit the head.
FORGEPOOL_API Result<PromiseState> check_promise(const LogPromise& promise, std::string_view origin, const LogFetch& fetch,
                                                 const LedgerHead& head, Time now);

/// Puts a promise to those in the directory of an agent's credentials: the last thousand at least, in two files of at most
/// 1 MiB each (promises.jsonl, and promises.old.jsonl with those before).
FORGEPOOL_API Status keep_promise(const std::string& directory, std::string_view promise);
/// Oldest first. Empty if there are none.
FORGEPOOL_API Result<std::vector<std::string>> kept_promises(const std::string& directory);

}  // namespace forgepool
