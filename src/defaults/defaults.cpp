#include <forgepool/defaults.hpp>

#include <forgepool/audit_log.hpp>

#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/backends/file_key_store.hpp>
#include <forgepool/backends/quic_transport.hpp>
#include <forgepool/backends/sqlite_ledger.hpp>
#include <forgepool/backends/tile_ledger.hpp>
#include <forgepool/numeric_class.hpp>

#include "crypto/random.hpp"
#include "defaults/high_water.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
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
  // The eldest key there is: the secret should outlast rotations, so that agents notice at once that a hub was restarted.
  const auto& earlier = identity.earlier_token_keys;
  const Signer& key = !earlier.empty() && earlier.front().key ? *earlier.front().key : *identity.token_key;
  const auto signature = key.sign(as_bytes("forgepool stateless reset secret v1"));
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
  std::vector<std::shared_ptr<Signer>> earlier;
  for (const auto& key : identity.earlier_log_keys)
    if (key.key && std::chrono::system_clock::now() < key.until) earlier.push_back(key.key);
  if (store == LedgerStore::tiles)
    return open_tile_ledger({.path = hub_tiles_path(data_directory),
                             .origin = identity.trust_domain,
                             .key = identity.log_key,
                             .earlier_keys = std::move(earlier)});
  return open_sqlite_ledger({hub_ledger_path(data_directory), identity.trust_domain, identity.log_key, std::move(earlier)});
}

std::string organization_directory(const std::string& data_directory, const std::string& name) {
  return data_directory + "/organizations/" + name;
}

namespace {

/// That nobody else can put other files into it.
Status check_ours_alone(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return fail(errno == ENOENT ? ErrorKind::not_found : ErrorKind::internal,
                "cannot open " + path + ": " + std::strerror(errno));
  if ((status.st_mode & 022) == 0) return {};
  return fail(ErrorKind::denied,
              path + " can be changed by others: run chmod 700 on it, and consider what they may have changed");
}

Status make_directory(const std::string& path, std::string_view advice) {
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  if (errno == EEXIST) return fail(ErrorKind::conflict, path + " exists already; " + std::string(advice));
  return fail(errno == ENOENT ? ErrorKind::not_found : ErrorKind::internal,
              "cannot make " + path + ": " + std::strerror(errno));
}

/// `name` is empty for the hub's own organization.
Result<std::shared_ptr<KeyStore>> key_store(const HubKeys& keys, const std::string& directory, const std::string& name,
                                            bool make) {
  if (!keys.pkcs11.module.empty()) {
    Pkcs11KeyStoreOptions options = keys.pkcs11;
    if (!name.empty()) options.token += "-" + name;
    auto store = open_pkcs11_key_store(options);
    if (!store) return fail(store.error());
    return std::shared_ptr<KeyStore>(std::move(*store));
  }
  const FileKeyStoreOptions options{directory, keys.passphrase};
  auto store = make ? make_file_key_store(options) : open_file_key_store(options);
  if (!store) return fail(store.error());
  return std::shared_ptr<KeyStore>(std::move(*store));
}

/// The identity and the operator's credentials, in a directory that was just made. `hub` is null for the hub's own
/// organization.
Status fill_directory(const std::string& directory, const std::string& trust_domain, const std::string& name,
                      const HubIdentity* hub, Time now, const HubKeys& keys) {
  auto store = key_store(keys, hub_identity_directory(directory), name, true);
  if (!store) return fail(store.error());
  const auto identity = make_hub_identity(trust_domain, std::move(*store), now);
  if (!identity) return fail(identity.error());
  // A token keeps the root, too, but auditors want a file.
  if (!keys.pkcs11.module.empty()) {
    if (auto made = make_directory(hub_identity_directory(directory), "remove it"); !made) return made;
    if (auto written = write_file(hub_identity_directory(directory) + "/root.json", as_bytes(make_trusted_root(*identity)));
        !written)
      return written;
  }
  const auto operator_credentials = issue_credentials(*identity, "operator", now, hub);
  if (!operator_credentials) return fail(operator_credentials.error());
  return save_credentials(*operator_credentials, directory + "/operator");
}

/// The keys of one organization, opened, and the rest of what it is made of.
Result<OrganizationParts> open_organization(const std::string& directory, const std::string& name, const HubKeys& keys,
                                            Time now, const KeyOverlap& overlap, const FairShareOptions& scheduling,
                                            LedgerStore store, const AdaptiveVerifierOptions& verification) {
  auto key_home = key_store(keys, hub_identity_directory(directory), name, false);
  if (!key_home) return fail(key_home.error());
  auto identity = open_hub_identity(std::move(*key_home), now, overlap);
  if (!identity) return fail(identity.error());
  // Keys may have been replaced since it was written (see fill_directory).
  if (!keys.pkcs11.module.empty())
    if (auto written = write_file(hub_identity_directory(directory) + "/root.json", as_bytes(make_trusted_root(*identity)));
        !written)
      return fail(written.error());
  auto ledger = open_hub_ledger(directory, *identity, store);
  if (!ledger) return fail(ledger.error());
  OrganizationParts parts;
  parts.name = name;
  parts.identity = std::move(*identity);
  parts.scheduler = make_fair_share_scheduler(scheduling);
  parts.verifier = make_adaptive_verifier(verification);
  parts.ledger = std::move(*ledger);
  return parts;
}

Result<std::vector<std::string>> organization_names(const std::string& data_directory) {
  std::vector<std::string> names;
  std::error_code error;
  const std::filesystem::path directory = data_directory + "/organizations";
  if (!std::filesystem::exists(directory, error)) return names;
  for (auto entry = std::filesystem::directory_iterator(directory, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
    // Half-made ones have a name that is no id.
    if (const std::string name = entry->path().filename().string(); is_valid_id(name)) names.push_back(name);
  if (error) return fail(ErrorKind::internal, "cannot list " + directory.string() + ": " + error.message());
  std::ranges::sort(names);
  return names;
}

}  // namespace

Status init_hub_directory(const std::string& data_directory, const std::string& trust_domain, Time now, const HubKeys& keys) {
  if (auto made = make_directory(data_directory, "choose another directory, or remove it if this hub is to be forgotten");
      !made)
    return made;
  auto filled = fill_directory(data_directory, trust_domain, "", nullptr, now, keys);
  std::error_code ignored;
  if (!filled) std::filesystem::remove_all(data_directory, ignored);
  return filled;
}

Status init_organization_directory(const std::string& data_directory, const std::string& name, Time now, const HubKeys& keys) {
  if (!is_valid_id(name))
    return fail(ErrorKind::invalid_input, "name: expected 1 to 128 characters of [A-Za-z0-9._-], not starting with a dot");
  auto store = key_store(keys, hub_identity_directory(data_directory), "", false);
  if (!store) return fail(store.error());
  const auto hub = open_hub_identity(std::move(*store), now);
  if (!hub) return fail(hub.error());
  if (::mkdir((data_directory + "/organizations").c_str(), 0700) != 0 && errno != EEXIST)
    return fail(ErrorKind::internal, "cannot make " + data_directory + "/organizations: " + std::strerror(errno));
  const std::string directory = organization_directory(data_directory, name);
  std::error_code ignored;
  if (std::filesystem::exists(directory, ignored))
    return fail(ErrorKind::conflict, "there is an organization " + name + " already");
  // Under a name that is no organization's until it is whole.
  const std::string partial = data_directory + "/organizations/." + name + ".partial";
  std::filesystem::remove_all(partial, ignored);
  if (auto made = make_directory(partial, "remove it"); !made) return made;
  auto filled = fill_directory(partial, random_id("o-").substr(0, 14) + "." + hub->trust_domain, name, &*hub, now, keys);
  if (filled && std::rename(partial.c_str(), directory.c_str()) != 0)
    filled = fail(ErrorKind::internal, "cannot rename " + partial + " to " + directory + ": " + std::strerror(errno));
  if (!filled) std::filesystem::remove_all(partial, ignored);
  return filled;
}

Status make_operator_credentials(const std::string& data_directory, const std::string& organization, const std::string& output,
                                 Time now, const HubKeys& keys) {
  const auto open = [&](const std::string& directory, const std::string& name) -> Result<HubIdentity> {
    auto store = key_store(keys, hub_identity_directory(directory), name, false);
    if (!store) return fail(store.error());
    return open_hub_identity(std::move(*store), now);
  };
  const auto hub = open(data_directory, "");
  if (!hub) return fail(hub.error());
  Result<Credentials> credentials = fail(ErrorKind::not_found, "");
  if (organization.empty()) {
    credentials = issue_credentials(*hub, "operator", now);
  } else {
    if (!is_valid_id(organization))
      return fail(ErrorKind::invalid_input, "organization: expected a name as `forgepool org list` shows it");
    const auto theirs = open(organization_directory(data_directory, organization), organization);
    if (!theirs) return fail(theirs.error());
    credentials = issue_credentials(*theirs, "operator", now, &*hub);
  }
  if (!credentials) return fail(credentials.error());
  return save_credentials(*credentials, output);
}

Result<std::unique_ptr<Hub>> open_default_hub(EventLoop& loop, const std::string& data_directory,
                                              std::vector<std::shared_ptr<const AdapterPackage>> adapters, HubOptions options,
                                              std::shared_ptr<LogSink> log, FairShareOptions scheduling, LedgerStore store,
                                              const HubKeys& keys, AdaptiveVerifierOptions verification) {
  KeyOverlap overlap = options.key_overlap;
  overlap.ca = std::max(overlap.ca, options.certificate_life);
  overlap.token = std::max(overlap.token, options.token_life);
  if (!log) log = make_null_log();
  if (const auto ours = check_ours_alone(data_directory); !ours) return fail(ours.error());
  auto own = open_organization(data_directory, "", keys, loop.now(), overlap, scheduling, store, verification);
  if (!own) return fail(own.error());
  const auto keep_head = [&](OrganizationParts& parts) -> Status {
    auto kept = keep_high_water(std::move(parts.ledger), parts.identity, high_water_path(data_directory, parts.name), *log);
    if (!kept) return fail(kept.error());
    parts.ledger = std::move(*kept);
    return {};
  };
  if (const auto kept = keep_head(*own); !kept) return fail(kept.error());
  auto audit = open_audit_file(data_directory + "/audit.jsonl");
  if (!audit) return fail(audit.error());
  options.keeps_audit_log = true;
  log = make_audit_log(std::move(log), std::move(*audit), [&loop] { return loop.now(); });
  HubParts parts;
  const auto names = organization_names(data_directory);
  if (!names) return fail(names.error());
  if (!names->empty())
    if (const auto ours = check_ours_alone(data_directory + "/organizations"); !ours) return fail(ours.error());
  for (const auto& name : *names) {
    if (const auto ours = check_ours_alone(organization_directory(data_directory, name)); !ours) return fail(ours.error());
    auto organization = open_organization(organization_directory(data_directory, name), name, keys, loop.now(), overlap,
                                          scheduling, store, verification);
    if (!organization) return fail(organization.error().kind, "organization " + name + ": " + organization.error().message);
    if (const auto kept = keep_head(*organization); !kept)
      return fail(kept.error().kind, "organization " + name + ": " + kept.error().message);
    auto policy = read_file(organization_directory(data_directory, name) + "/witness-policy", 1u << 20);
    if (!policy && policy.error().kind != ErrorKind::not_found) return fail(policy.error());
    if (policy) organization->witness_policy = to_text(*policy);
    parts.organizations.push_back(std::move(*organization));
  }
  auto reset_secret = reset_secret_of(own->identity);
  if (!reset_secret) return fail(reset_secret.error());
  parts.transport = quic(loop, log, std::move(*reset_secret));
  parts.scheduler = std::move(own->scheduler);
  parts.verifier = std::move(own->verifier);
  parts.ledger = std::move(own->ledger);
  parts.adapters = std::move(adapters);
  parts.log = std::move(log);
  return open_hub(loop, std::move(own->identity), std::move(parts), std::move(options));
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
