#pragma once
/// The parts that most programs want, wired together: QUIC, SQLite, the fair share scheduler, the adaptive verifier, the
/// Linux sandbox. To swap one, compose the parts yourself with open_hub, start_agent or connect_client; this header is only a
/// shorthand for that.
#include <forgepool/agent.hpp>
#include <forgepool/backends/adaptive_verifier.hpp>
#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/backends/linux_sandbox.hpp>
#include <forgepool/backends/pkcs11_key_store.hpp>
#include <forgepool/client.hpp>
#include <forgepool/hub.hpp>
#include <forgepool/tiled_log.hpp>
#include <forgepool/witness.hpp>

namespace forgepool {

/// What a hub keeps its ledger in: "ledger.db" or the folder "ledger.tiles" of its data directory.
enum class LedgerStore { sqlite, tiles };

/// Where things are below a hub's data directory: "identity/" (its keys, certificates and root.json), "ledger.db",
/// "ledger.tiles"; the same below "organizations/<name>/" for each further organization, and "witness-policy" there, if its log
/// has witnesses of its own.
FORGEPOOL_API std::string hub_identity_directory(const std::string& data_directory);
FORGEPOOL_API std::string hub_ledger_path(const std::string& data_directory);
FORGEPOOL_API std::string hub_tiles_path(const std::string& data_directory);
FORGEPOOL_API std::string organization_directory(const std::string& data_directory, const std::string& name);
/// The one that is there; nothing if there is none yet.
FORGEPOOL_API std::optional<LedgerStore> hub_ledger_store(const std::string& data_directory);
/// Opens or makes it; `conflict` if the hub's ledger is in the other kind of store.
FORGEPOOL_API Result<std::unique_ptr<Ledger>> open_hub_ledger(const std::string& data_directory, const HubIdentity& identity,
                                                              LedgerStore store);
/// Reads all of a hub's ledger, which nobody may have open: its state, every leaf, every tile, and what is published.
FORGEPOOL_API Result<LedgerHead> check_hub_ledger(const std::string& data_directory);

/// Where a hub's private keys are: in "identity/" unless a PKCS#11 module is named.
struct HubKeys {
  std::string passphrase{};  ///< Of the files; empty: they are not encrypted.
  /// The token of the hub's own organization. That of another one is labelled "<token>-<name>" and has the same PIN.
  Pkcs11KeyStoreOptions pkcs11{};
};

/// Makes the data directory of a new hub: its identity, and below "operator/" the credentials of its operator. `conflict` if it
/// exists.
FORGEPOOL_API Status init_hub_directory(const std::string& data_directory, const std::string& trust_domain, Time now,
                                        const HubKeys& keys = {});
/// Makes one more organization: its own keys, and its operator's credentials. Its trust domain, which its agents see, is the
/// hub's behind a random label: it says nothing of the name. A hub that is running knows it after its next start.
FORGEPOOL_API Status init_organization_directory(const std::string& data_directory, const std::string& name, Time now,
                                                 const HubKeys& keys = {});

/// New credentials for an operator, in `output`, which must not exist; of the hub's own organization if `organization` is
/// empty. Those that there are stay good.
FORGEPOOL_API Status make_operator_credentials(const std::string& data_directory, const std::string& organization,
                                               const std::string& output, Time now, const HubKeys& keys = {});

FORGEPOOL_API Result<std::unique_ptr<Hub>> open_default_hub(EventLoop& loop, const std::string& data_directory,
                                                            std::vector<std::shared_ptr<const AdapterPackage>> adapters,
                                                            HubOptions options = {}, std::shared_ptr<LogSink> log = nullptr,
                                                            FairShareOptions scheduling = {},
                                                            LedgerStore store = LedgerStore::sqlite, const HubKeys& keys = {},
                                                            AdaptiveVerifierOptions verification = {});

/// Measures the numeric class, too, unless the options have one.
FORGEPOOL_API Result<std::unique_ptr<Agent>> start_default_agent(EventLoop& loop, Credentials credentials, AgentOptions options,
                                                                 LinuxSandboxOptions sandbox = {},
                                                                 std::shared_ptr<LogSink> log = nullptr);

FORGEPOOL_API Result<std::unique_ptr<Client>> connect_default_client(EventLoop& loop, Credentials credentials,
                                                                     ClientOptions options,
                                                                     std::shared_ptr<LogSink> log = nullptr);

/// A log in a ledger (borrowed), and in a folder in the layout of tlog-tiles.
FORGEPOOL_API LogFetch log_in_ledger(const Ledger& ledger);
FORGEPOOL_API LogFetch log_in_folder(std::string folder);

/// A witness whose directory (0700, made if missing) holds its key and the last checkpoint of each log that it cosigned.
FORGEPOOL_API Result<std::unique_ptr<Witness>> open_witness(const std::string& directory, const std::string& name,
                                                            std::vector<VerifierKey> logs);

/// Reads and opens an adapter package (.fpa).
FORGEPOOL_API Result<std::shared_ptr<const AdapterPackage>> load_adapter(const std::string& path);

/// Reads a whole file of at most `max_bytes`; not_found, denied, too_large with the path.
FORGEPOOL_API Result<Bytes> read_file(const std::string& path, std::size_t max_bytes);
/// The one line of a file that others cannot read: a passphrase, a PIN. `denied` if they can, invalid_input if it is empty.
FORGEPOOL_API Result<std::string> read_secret_file(const std::string& path);
/// Writes a file beside `path` and renames it into place: there whole or not at all.
FORGEPOOL_API Status write_file(const std::string& path, ByteView content);

}  // namespace forgepool
