#pragma once
// A log that is being read, and what it must be.
#include "commands.hpp"

#include <forgepool/tiled_log.hpp>

namespace forgepool_cli {

/// Where its resources come from, and the head that its key has signed.
struct OpenLog {
  std::shared_ptr<Session> session;  ///< Only if the hub is asked.
  forgepool::LogFetch fetch;
  std::string checkpoint;
  std::vector<forgepool::VerifierKey>
      keys;  ///< The one in use first, then earlier ones, by which older checkpoints are signed.
  forgepool::LedgerHead head;

  const std::string& origin() const { return keys.front().name; }
};
/// In the folder that `place` names, or of the hub: over `session`, or else a new one.
forgepool::Result<OpenLog> open_log(const Common& common, const LogPlace& place, std::shared_ptr<Session> session = nullptr);

/// The log goes on where this checkpoint was; `name` stands in errors.
forgepool::Status check_continues(const OpenLog& log, std::string_view checkpoint, const std::string& name);
/// It goes on where all checkpoints were that were kept: nobody who kept one was shown another log. And the witness policy, if
/// there is one, is satisfied.
forgepool::Status check_history(const OpenLog& log, const LogPlace& place);
/// That the checkpoint has the cosignatures which the policy in this file asks for. `corrupt` if not.
forgepool::Status check_witnesses(const std::string& policy_file, std::string_view checkpoint);

}  // namespace forgepool_cli
