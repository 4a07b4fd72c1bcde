#pragma once
/// A log that goes back forks: whoever kept a later checkpoint, and each witness, refuses it for good. That happens to a hub
/// whose data directory is put back from an older copy, so the latest head stands in a file beside that directory, too, which
/// such a copy does not hold.
#include <forgepool/credentials.hpp>
#include <forgepool/log.hpp>

namespace forgepool {

/// `<data directory>.head`, and `<data directory>.head-<organization>`.
std::string high_water_path(const std::string& data_directory, const std::string& organization);

/// The ledger, with its head kept in the file at `path`: after each commit, and durably before each checkpoint that is given
/// out. `conflict` if the file says that this log was longer, or another: it names what to do. A file of another pool is
/// replaced; one that cannot be written is a warning in the log.
Result<std::unique_ptr<Ledger>> keep_high_water(std::unique_ptr<Ledger> ledger, const HubIdentity& identity,
                                                const std::string& path, LogSink& log);

}  // namespace forgepool
