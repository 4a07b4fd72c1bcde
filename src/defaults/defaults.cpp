#include <forgepool/defaults.hpp>

#include <forgepool/audit_log.hpp>

#include <forgepool/backends/adaptive_verifier.hpp>
#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/backends/quic_transport.hpp>
#include <forgepool/backends/sqlite_ledger.hpp>
#include <forgepool/backends/tile_ledger.hpp>
#include <forgepool/numeric_class.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <sys/stat.h>

namespace forgepool {
namespace {

std::unique_ptr<Transport> quic(EventLoop& loop, const std::shared_ptr<LogSink>& log, Bytes reset_secret = {}) {
  QuicTransportOptions options;
  options.log = log;
  options.reset_secret = std::move(reset_secret);
  return make_quic_transport(loop, std::move(options));
}

}  // namespace

namespace {

/// A secret that a restarted hub finds again without a file for it: Ed25519 signs deterministically (RFC 8032), and nobody else
/// has the key. The label keeps it apart from everything else that the key signs.
Result<Bytes> reset_secret_of(const HubIdentity& identity) {
  const auto signature = identity.token_key->sign(as_bytes("forgepool stateless reset secret v1"));
  if (!signature) return fail(signature.error());
  const Digest secret = sha256(*signature);
  return Bytes(secret.bytes.begin(), secret.bytes.end());
}

}  // namespace

std::string hub_identity_directory(const std::string& data_directory) {
  return data_directory + "/identity";
}
std::string hub_ledger_path(const std::string& data_directory) {
  return data_directory + "/ledger.db";
}
std::string hub_tiles_path(const std::string& data_directory) {
  return data_directory + "/ledger.tiles";
}

std::optional<LedgerStore> hub_ledger_store(const std::string& data_directory) {
  std::error_code error;
  if (std::filesystem::exists(hub_tiles_path(data_directory), error)) return LedgerStore::tiles;
  if (std::filesystem::exists(hub_ledger_path(data_directory), error)) return LedgerStore::sqlite;
  return std::nullopt;
}

Result<std::unique_ptr<Ledger>> open_hub_ledger(const std::string& data_directory, const HubIdentity& identity,
                                                LedgerStore store) {
  if (const auto there = hub_ledger_store(data_directory); there && *there != store)
    return fail(ErrorKind::conflict,
                std::string("the ledger of this hub is in ") +
                    (*there == LedgerStore::tiles ? "tile files: open it as that" : "a SQLite file: open it as that"));
  if (store == LedgerStore::tiles)
    return open_tile_ledger({.path = hub_tiles_path(data_directory), .origin = identity.trust_domain, .key = identity.log_key});
  return open_sqlite_ledger({hub_ledger_path(data_directory), identity.trust_domain, identity.log_key});
}

Status init_hub_directory(const std::string& data_directory, const std::string& trust_domain, Time now) {
  const auto hub = make_hub_identity(trust_domain, now);
  if (!hub) return fail(hub.error());
  const auto operator_credentials = issue_credentials(*hub, "operator", now);
  if (!operator_credentials) return fail(operator_credentials.error());
  if (::mkdir(data_directory.c_str(), 0700) != 0) {
    if (errno == EEXIST)
      return fail(ErrorKind::conflict,
                  data_directory + " exists already; choose another directory, or remove it if this hub is to be forgotten");
    return fail(ErrorKind::internal, "cannot make " + data_directory + ": " + std::strerror(errno));
  }
  if (const auto saved = save_hub_identity(*hub, hub_identity_directory(data_directory)); !saved) return saved;
  return save_credentials(*operator_credentials, data_directory + "/operator");
}

Result<std::unique_ptr<Hub>> open_default_hub(EventLoop& loop, const std::string& data_directory,
                                              std::vector<std::shared_ptr<const AdapterPackage>> adapters, HubOptions options,
                                              std::shared_ptr<LogSink> log, FairShareOptions scheduling, LedgerStore store) {
  auto identity = load_hub_identity(hub_identity_directory(data_directory));
  if (!identity) return fail(identity.error());
  auto audit = open_audit_file(data_directory + "/audit.jsonl");
  if (!audit) return fail(audit.error());
  log = make_audit_log(std::move(log), std::move(*audit), [&loop] { return loop.now(); });
  auto ledger = open_hub_ledger(data_directory, *identity, store);
  if (!ledger) return fail(ledger.error());
  auto reset_secret = reset_secret_of(*identity);
  if (!reset_secret) return fail(reset_secret.error());
  HubParts parts;
  parts.transport = quic(loop, log, std::move(*reset_secret));
  parts.scheduler = make_fair_share_scheduler(std::move(scheduling));
  parts.verifier = make_adaptive_verifier();
  parts.ledger = std::move(*ledger);
  parts.adapters = std::move(adapters);
  parts.log = std::move(log);
  return open_hub(loop, std::move(*identity), std::move(parts), std::move(options));
}

Result<std::unique_ptr<Agent>> start_default_agent(EventLoop& loop, Credentials credentials, AgentOptions options,
                                                   LinuxSandboxOptions sandbox, std::shared_ptr<LogSink> log) {
  auto opened = open_linux_sandbox(sandbox);
  if (!opened) return fail(opened.error());
  if (options.numeric_class.empty()) {
    // Without a class the agent still has its uses.
    auto measured = measure_numeric_class(**opened);
    if (measured)
      options.numeric_class = std::move(*measured);
    else if (log)
      log->write(LogLevel::warning, "numeric_class_unknown", {{"reason", measured.error().message}});
  }
  AgentParts parts;
  parts.transport = quic(loop, log);
  parts.sandbox = std::move(*opened);
  parts.log = std::move(log);
  return start_agent(loop, std::move(credentials), std::move(parts), std::move(options));
}

Result<std::unique_ptr<Client>> connect_default_client(EventLoop& loop, Credentials credentials, ClientOptions options,
                                                       std::shared_ptr<LogSink> log) {
  return connect_client(loop, std::move(credentials), quic(loop, log), std::move(options));
}

}  // namespace forgepool
