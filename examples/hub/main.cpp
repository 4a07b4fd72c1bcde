// A hub: the library's default parts, options from the command line.
#include <forgepool/address.hpp>
#include <forgepool/defaults.hpp>

#include <CLI/CLI.hpp>

#include <charconv>
#include <csignal>
#include <cstdio>

#include <sys/signalfd.h>
#include <unistd.h>

using namespace forgepool;

namespace {

int complain(const Error& error) {
  std::fprintf(stderr, "forgepool-hub: error: %s\n", error.message.c_str());
  switch (error.kind) {
    case ErrorKind::invalid_input: return 2;
    case ErrorKind::denied: return 4;
    default: return 6;
  }
}

/// A descriptor that becomes readable on SIGINT and SIGTERM. Before any thread starts, so that all of them block the signals.
int block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

/// The shares that "NAME=NUMBER" is about: NAME is an organization, or "organization/project".
ShareOptions& share_of(FairShareOptions& scheduling, const std::string& name) {
  const bool project = name.find('/') != std::string::npos;
  auto& shares = project ? scheduling.projects : scheduling.organizations;
  return shares.try_emplace(name, project ? scheduling.project : scheduling.organization).first->second;
}

/// Splits "NAME=NUMBER"; CLI11 shows what is thrown.
std::pair<std::string, std::uint64_t> split_setting(const std::string& text, std::uint64_t most, std::uint64_t least = 1) {
  const auto at = text.rfind('=');
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  if (at == std::string::npos || std::from_chars(text.data() + at + 1, end, number).ptr != end || at + 1 == text.size() ||
      number < least || number > most)
    throw CLI::ValidationError(
        text, "expected NAME=NUMBER with a number from " + std::to_string(least) + " to " + std::to_string(most));
  return {text.substr(0, at), number};
}

/// "results=30,evidence=365": days.
void set_retention(const std::string& text, Retention& retention) {
  std::size_t at = 0;
  while (at <= text.size()) {
    const auto end = std::min(text.find(',', at), text.size());
    const auto [name, days] = split_setting("x" + text.substr(at, end - at), 36'500, 0);
    std::uint64_t* time = name == "xinputs"    ? &retention.inputs_ms
                          : name == "xresults" ? &retention.results_ms
                                               : &retention.evidence_ms;
    if (time == &retention.evidence_ms && name != "xevidence")
      throw CLI::ValidationError(text, "expected inputs, results or evidence, \"=\" and a number of days; several with commas");
    *time = days * 24 * 3'600'000;
    at = end + 1;
  }
}

/// "NAME:results=30".
std::pair<std::string, std::string> split_name(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos)
    throw CLI::ValidationError(text, "expected a name, \":\", and how long what is kept, like x:results=30");
  return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

int main(int argc, char** argv) {
  std::string data, address = "127.0.0.1", port_file, passphrase_file, pin_file;
  HubKeys keys;
  std::vector<std::string> adapter_files;
  HubOptions options;
  options.port = 4433;
  options.enrolment_port = 4434;
  std::uint64_t certificate_hours = 24 * 7;
  std::uint64_t grace_hours = 24 * 14;
  std::uint64_t lease_seconds = 15;
  bool verbose = false;
  FairShareOptions scheduling;
  std::vector<std::string> weights, quotas;
  AdaptiveVerifierOptions verification;
  LedgerStore store = LedgerStore::sqlite;
  std::string witness_policy, profile, kept, kept_at_most;
  std::vector<std::string> kept_for_projects, kept_for_classes;
  CLI::App app{"Hub of a forgepool: plans jobs, leases shards to agents, verifies, keeps the ledger"};
  app.add_option("--data", data, "Data directory, made by `forgepool hub init`")->required();
  app.add_option("--address", address, "Address to listen on, like 0.0.0.0 or ::; with its port, if you like: [::]:4433")
      ->capture_default_str();
  app.add_option("--port", options.port, "UDP port for agents and clients (mutual TLS); 0 takes a free one")
      ->capture_default_str();
  app.add_option("--enrol-port", options.enrolment_port, "UDP port for enrolment; 0 takes a free one")->capture_default_str();
  app.add_option("--adapter", adapter_files, "Adapter package (.fpa) that contracts may ask for; may be repeated");
  app.add_option("--certificate-hours", certificate_hours, "Life of the certificates issued")
      ->check(CLI::Range(1, 24 * 365))
      ->capture_default_str();
  app.add_option("--renewal-grace-hours", grace_hours,
                 "How long after its end a certificate is still good for being renewed, by the key that it certifies")
      ->check(CLI::Range(0, 24 * 365))
      ->capture_default_str();
  app.add_option("--weight", weights,
                 "ORGANIZATION[/PROJECT]=NUMBER: its share of the agents' time, where others have 1; may be repeated");
  app.add_option("--quota", quotas, "ORGANIZATION[/PROJECT]=NUMBER: so many executions under way at once; may be repeated");
  app.add_option(
         "--lease-seconds", lease_seconds,
         "Life of a lease from its grant or last heartbeat: an outage up to this costs nothing, and so long a dead agent's "
         "shards wait")
      ->check(CLI::Range(1, 24 * 3600))
      ->capture_default_str();
  app.add_option("--lease-share", scheduling.lease_share,
                 "A lease lives at least for this part of the adapter's wall-clock limit of one shard, 0 to 1")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--canary-ratio", verification.canary_ratio,
                 "Of adaptive jobs: so many shards with known results given out per accepted shard, 0 to 1")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--min-spotcheck-ratio", verification.min_spotcheck_ratio,
                 "Jobs that compare part of their shards compare at least this part, 0 to 1")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--passphrase-file", passphrase_file, "File with the passphrase that the private keys are encrypted under");
  auto* module = app.add_option("--pkcs11-module", keys.pkcs11.module, "PKCS#11 library whose token has the private keys");
  module->needs(app.add_option("--pkcs11-token", keys.pkcs11.token, "Label of the token"));
  module->needs(app.add_option("--pkcs11-pin-file", pin_file, "File with the user's PIN"));
  app.add_option("--port-file", port_file, "Write \"PORT ENROL_PORT\" here once listening");
  app.add_option("--ledger", store, "What a new hub keeps its ledger in: sqlite, or tiles that a web server can serve")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, LedgerStore>{{"sqlite", LedgerStore::sqlite}, {"tiles", LedgerStore::tiles}}))
      ->default_str("sqlite");
  app.add_option("--witness-policy", witness_policy,
                 "C2SP tlog-policy: the quorum of witnesses that the log's checkpoints need");
  app.add_option("--profile", profile, "Deployment profile: whose contracts, data and agents the hub takes")
      ->check(CLI::IsMember(deployment_profiles()));
  app.add_option("--region", options.region, "Where this hub is: contracts that do not allow their data there are refused");
  app.add_option("--retention", kept,
                 "How many days after their end jobs' inputs, results and evidence are kept unless the contract says: "
                 "\"results=30,evidence=365\"; inputs=0 and for ever if absent");
  app.add_option("--max-retention", kept_at_most, "The most that contracts may ask for, likewise");
  app.add_option("--project-retention", kept_for_projects,
                 "CLIENT:… or PROJECT/:…: likewise for what these submit; may be repeated");
  app.add_option("--class-retention", kept_for_classes, "DATA-CLASS:…: the most for data of a class; may be repeated");
  app.add_flag("--verbose", verbose, "Log more");
  try {
    app.parse(argc, argv);
    for (const auto& weight : weights) {
      const auto [name, number] = split_setting(weight, 1000);
      share_of(scheduling, name).weight = static_cast<std::uint32_t>(number);
    }
    for (const auto& quota : quotas) {
      const auto [name, number] = split_setting(quota, 1'000'000'000);
      share_of(scheduling, name).max_leased = number;
    }
    if (!kept.empty()) set_retention(kept, options.retention.hub.standard);
    if (!kept_at_most.empty()) set_retention(kept_at_most, options.retention.hub.most);
    for (const auto& text : kept_for_projects) {
      const auto [name, setting] = split_name(text);
      const auto rule = options.retention.projects.try_emplace(name, options.retention.hub).first;
      set_retention(setting, rule->second.standard);
    }
    for (const auto& text : kept_for_classes) {
      const auto [name, setting] = split_name(text);
      set_retention(setting, options.retention.data_classes.try_emplace(name, options.retention.hub.most).first->second);
    }
    if (!profile.empty()) options.deployment = deployment_profile(profile).value();
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }

  const int signals = block_signals();
  auto log = make_stderr_log("hub", verbose ? LogLevel::debug : LogLevel::info);
  std::vector<std::shared_ptr<const AdapterPackage>> adapters;
  for (const auto& file : adapter_files) {
    auto adapter = load_adapter(file);
    if (!adapter) return complain(adapter.error());
    adapters.push_back(std::move(*adapter));
  }
  for (const auto& [file, secret] : {std::pair{&passphrase_file, &keys.passphrase}, std::pair{&pin_file, &keys.pkcs11.pin}}) {
    if (file->empty()) continue;
    auto text = read_secret_file(*file);
    if (!text) return complain(text.error());
    *secret = std::move(*text);
  }
  auto loop = make_event_loop();
  int status = 0;
  const auto place = parse_network_address(address, std::max<std::uint16_t>(options.port, 1));
  if (!place) return complain({ErrorKind::invalid_input, "--address: " + place.error().message});
  options.address = place->host;
  if (parse_network_address(address)) {
    if (app.count("--port") != 0 && place->port != options.port)
      return complain({ErrorKind::invalid_input, "--address names another port than --port"});
    options.port = place->port;
  }
  options.certificate_life = std::chrono::hours(certificate_hours);
  options.renewal_grace = std::chrono::hours(grace_hours);
  scheduling.lease_duration = std::chrono::seconds(lease_seconds);
  scheduling.agent_timeout = 3 * scheduling.lease_duration;
  options.on_fatal = [&](const Error& error) {
    status = complain(error);
    loop->stop();
  };
  if (!witness_policy.empty()) {
    const auto policy = read_file(witness_policy, 1u << 20);
    if (!policy) return complain(policy.error());
    options.witness_policy = to_text(*policy);
  }
  // A hub that has a ledger goes on with it.
  if (app.count("--ledger") == 0) store = hub_ledger_store(data).value_or(store);
  auto hub = open_default_hub(*loop, data, std::move(adapters), options, log, std::move(scheduling), store, keys, verification);
  if (!hub) return complain(hub.error());
  log->write(LogLevel::info, "listening",
             {{"address", address},
              {"port", std::to_string((*hub)->port())},
              {"enrol_port", std::to_string((*hub)->enrolment_port())}});
  if (!port_file.empty()) {
    const auto ports = std::to_string((*hub)->port()) + " " + std::to_string((*hub)->enrolment_port()) + "\n";
    if (const auto written = write_file(port_file, as_bytes(ports)); !written) return complain(written.error());
  }
  auto signal_watch = loop->watch(signals, Readiness::readable, [&] {
    signalfd_siginfo info;
    if (::read(signals, &info, sizeof info) != sizeof info) return;
    log->write(LogLevel::info, "stopping", {});
    (*hub)->stop([&] { loop->stop(); });
  });
  loop->run();
  signal_watch.reset();
  hub->reset();
  return status;
}
