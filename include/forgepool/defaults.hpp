#pragma once
/// The parts that most programs want, wired together: QUIC, SQLite, the fair share scheduler, the duplication verifier, the Linux
/// sandbox. To swap one, compose the parts yourself with open_hub, start_agent or connect_client; this header is only a
/// shorthand for that.
#include <forgepool/agent.hpp>
#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/backends/linux_sandbox.hpp>
#include <forgepool/client.hpp>
#include <forgepool/hub.hpp>

namespace forgepool {

/// Where things are below a hub's data directory: "identity/" (see save_hub_identity) and "ledger.db".
FORGEPOOL_API std::string hub_identity_directory(const std::string& data_directory);
FORGEPOOL_API std::string hub_ledger_path(const std::string& data_directory);

/// Makes the data directory of a new hub: its identity, and below "operator/" the credentials of its operator. `conflict` if it
/// exists.
FORGEPOOL_API Status init_hub_directory(const std::string& data_directory, const std::string& trust_domain, Time now);

FORGEPOOL_API Result<std::unique_ptr<Hub>> open_default_hub(EventLoop& loop, const std::string& data_directory,
                                                            std::vector<std::shared_ptr<const AdapterPackage>> adapters,
                                                            HubOptions options = {}, std::shared_ptr<LogSink> log = nullptr,
                                                            FairShareOptions scheduling = {});

/// Measures the numeric class, too, unless the options have one.
FORGEPOOL_API Result<std::unique_ptr<Agent>> start_default_agent(EventLoop& loop, Credentials credentials, AgentOptions options,
                                                                 LinuxSandboxOptions sandbox = {},
                                                                 std::shared_ptr<LogSink> log = nullptr);

FORGEPOOL_API Result<std::unique_ptr<Client>> connect_default_client(EventLoop& loop, Credentials credentials,
                                                                     ClientOptions options,
                                                                     std::shared_ptr<LogSink> log = nullptr);

/// Reads and opens an adapter package (.fpa).
FORGEPOOL_API Result<std::shared_ptr<const AdapterPackage>> load_adapter(const std::string& path);

/// Reads a whole file of at most `max_bytes`; not_found, denied, too_large with the path.
FORGEPOOL_API Result<Bytes> read_file(const std::string& path, std::size_t max_bytes);
/// Writes a file beside `path` and renames it into place: there whole or not at all.
FORGEPOOL_API Status write_file(const std::string& path, ByteView content);

}  // namespace forgepool
