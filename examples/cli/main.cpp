// The command line: options in, one of commands.hpp out.
#include "commands.hpp"

#include <CLI/CLI.hpp>

using namespace forgepool_cli;

namespace {

constexpr const char* footer =
    "Exit codes: 0 done; 1 the job failed, or the bundle or replay does not hold; 2 wrong usage or input;\n"
    "            3 the hub cannot be reached; 4 the hub refuses you; 5 not found; 6 trouble on this machine.\n"
    "Environment: FORGEPOOL_HUB and FORGEPOOL_CREDENTIALS stand in for --hub and --credentials.";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"forgepool: run work on machines nobody trusts, and prove what was computed"};
  app.footer(footer);
  app.require_subcommand(1);
  app.fallthrough();
  Common common;
  int code = exit_ok;
  app.add_flag("--json", common.json, "Print one JSON object instead of text");
  app.add_option("--hub", common.address.hub, "ADDRESS:PORT of the hub (of its enrolment port for `enroll`)")
      ->envname("FORGEPOOL_HUB")
      ->capture_default_str();
  app.add_option("--credentials", common.address.credentials, "Directory with our key and certificate")
      ->envname("FORGEPOOL_CREDENTIALS");

  // --- pools
  auto* hub = app.add_subcommand("hub", "Make a pool and invite nodes into it");
  hub->require_subcommand(1);
  std::string data, trust_domain, join_token, output;
  forgepool::Invitation offer;
  std::uint64_t ttl_minutes = 60;
  auto* init = hub->add_subcommand("init", "Make a hub's data directory: trust domain, CA, keys, operator");
  init->add_option("--data", data, "Directory to make")->required();
  init->add_option("--trust-domain", trust_domain, "Name of the pool, like a domain name")->required();
  KeyOptions keys;
  const auto add_key_options = [&](CLI::App* command) {
    command->add_option("--passphrase-file", keys.passphrase_file,
                        "File with a passphrase that private keys are encrypted under");
    auto* module = command->add_option("--pkcs11-module", keys.module, "PKCS#11 library: keys are made and stay in its token");
    module->needs(
        command->add_option("--pkcs11-token", keys.token, "Label of the token (an organization's: with -NAME after it)"));
    module->needs(command->add_option("--pkcs11-pin-file", keys.pin_file, "File with the user's PIN"));
  };
  add_key_options(init);
  init->callback([&] { code = hub_init(common, data, trust_domain, keys); });
  auto* invitation = hub->add_subcommand("invite", "Print a join token for a new agent or client (operators only)");
  invitation->add_option("--role", offer.role, "agent or client")
      ->check(CLI::IsMember({"agent", "client"}))
      ->capture_default_str();
  invitation->add_option("--region", offer.agent.region, "Region that the agent is in");
  invitation->add_option("--tier", offer.agent.tier, "How far its owner is trusted")
      ->check(CLI::IsMember({"private", "enterprise", "public"}))
      ->capture_default_str();
  invitation->add_option("--data-class", offer.agent.data_classes, "Class of data that it is cleared for; may be repeated");
  invitation->add_option("--adapter", offer.agent.adapters,
                         "Adapter that it may run (mc or mc@1); may be repeated; default: all");
  invitation->add_option("--numeric-class", offer.agent.numeric_class, "Agents of one class compute the same floating point");
  invitation->add_option("--operator", offer.agent.operator_id, "Who runs it");
  invitation->add_option("--network", offer.agent.network, "Network that it is connected to");
  invitation
      ->add_option(
          "--visibility", offer.visibility,
          "private: for this organization's work alone; public: not only (deployments with a hub of their own refuse it)")
      ->check(CLI::IsMember({"private", "public"}))
      ->capture_default_str();
  invitation->add_option("--project", offer.project, "Project of the clients: they share its jobs and inputs");
  invitation->add_option("--ttl-minutes", ttl_minutes, "Life of the token")->check(CLI::Range(1, 43200))->capture_default_str();
  invitation->add_option("--uses", offer.uses, "How many nodes may use it")->check(CLI::Range(1, 10000))->capture_default_str();
  invitation->callback([&] { offer.life = std::chrono::minutes(ttl_minutes), code = invite(common, offer); });
  auto* agents = hub->add_subcommand("agents", "List the agents (operators only)");
  agents->callback([&] { code = list_agents(common); });
  std::uint32_t ca_epoch = 0;
  auto* crl =
      hub->add_subcommand("crl", "Fetch a list (RFC 5280 CRL) of the certificates that are no longer good (operators only)");
  crl->add_option("--output", output, "File to write (PEM); default: standard output");
  crl->add_option("--ca", ca_epoch, "Of the CA of this epoch, like 1 of ca-1; default: of the one in use")
      ->check(CLI::Range(1u, 1'000'000u));
  crl->callback([&] { code = revocation_list(common, ca_epoch, output); });
  std::string agent;
  bool undo = false;
  auto* draining = hub->add_subcommand("drain", "Give an agent nothing new; what it has goes on (operators only)");
  draining->add_option("agent", agent, "Agent id")->required();
  draining->add_flag("--undo", undo, "Give it work again");
  draining->callback([&] { code = drain(common, agent, !undo); });
  ReplayOptions replaying;
  std::string appealed_job;
  auto* appealing =
      hub->add_subcommand("appeal", "Let an agent in again if replaying its case proves it right (operators only)");
  appealing->add_option("agent", agent, "Agent id")->required();
  appealing->add_option("job", appealed_job, "Job in which it was caught")->required();
  appealing->add_option("bundle", replaying.bundle, "The job's bundle")->required();
  appealing->add_option("--input", replaying.inputs, "Input file, found by its digest; may be repeated");
  appealing->add_option("--allow-sandbox-level", replaying.level,
                        "Weakest isolation to run at: full, namespaces, process, none");
  appealing->callback([&] { code = appeal(common, agent, appealed_job, replaying); });
  LogPlace promised;
  for (const char* kind : {"agent", "client"}) {
    auto* node = app.add_subcommand(kind, std::string("Enrol ") + (kind[0] == 'a' ? "an agent" : "a client"));
    node->require_subcommand(1);
    auto* enrolment = node->add_subcommand("enroll", "Turn a join token into a key and a certificate");
    enrolment->add_option("--join", join_token, "The join token")->required();
    enrolment->add_option("--output", output, "Directory to make")->required();
    enrolment->callback([&] { code = enroll(common, join_token, output); });
    if (kind[0] == 'c') continue;
    auto* promises = node->add_subcommand("promises", "Check that the hub's log has the receipts that it promised to have");
    promises->add_option("--root", promised.root, "Trusted root (root.json of the pool)")->required();
    promises->add_option("--dir", promised.folder, "Folder with an exported or mirrored log; default: ask the hub");
    promises->callback([&] { code = agent_promises(common, promised); });
  }

  // --- organizations and keys
  std::string organization, kind, id, reason, purpose, root_output;
  auto* operators = hub->add_subcommand("operator", "Make more operator's credentials, on the hub's machine");
  operators->add_option("--data", data, "The hub's data directory")->required();
  operators->add_option("--organization", organization, "Of this organization; default: the hub's own");
  operators->add_option("--output", output, "Directory for them")->required();
  add_key_options(operators);
  operators->callback([&] { code = operator_init(common, data, organization, output, keys); });
  auto* org = app.add_subcommand("org", "Organizations beside the hub's own");
  org->require_subcommand(1);
  auto* org_make = org->add_subcommand("init", "Make an organization in a hub's data directory: its own keys and operator");
  org_make->add_option("--data", data, "The hub's data directory")->required();
  org_make->add_option("name", organization, "Its name; agents never see it")->required();
  add_key_options(org_make);
  org_make->callback([&] { code = org_init(common, data, organization, keys); });
  org->add_subcommand("list", "List the organizations (the hub's operator only)")->callback([&] { code = org_list(common); });
  auto* keys_command = app.add_subcommand("keys", "An organization's keys");
  keys_command->require_subcommand(1);
  auto* rotation =
      keys_command->add_subcommand("rotate", "Make the next key of a purpose and let it take over (operators only)");
  rotation->add_option("purpose", purpose, "ca, hub, token or log")
      ->required()
      ->check(CLI::IsMember({"ca", "hub", "token", "log"}));
  rotation->add_option("--root-output", root_output, "File for the new trusted root");
  rotation->callback([&] { code = keys_rotate(common, purpose, root_output); });
  auto* revocation = app.add_subcommand("revoke", "End what somebody or something is believed for (operators only)");
  revocation->add_option("kind", kind, "agent, client, operator, token, key or organization")
      ->required()
      ->check(CLI::IsMember({"agent", "client", "operator", "token", "key", "organization"}));
  revocation
      ->add_option("id", id,
                   "Agent's id, client's name, operator's credentials (directory, certificate, or hex SHA-256 of the public "
                   "key), token or "
                   "its id, key (like token-1), organization's name")
      ->required();
  revocation->add_option("--reason", reason, "Why: kept with the record");
  revocation->callback([&] { code = revoke(common, kind, id, reason); });
  app.add_subcommand("renew", "Renew our own certificate")->callback([&] { code = renew(common); });
  app.add_subcommand("health", "Say whether the hub and its agents are well (1: they are not)")->callback([&] {
    code = health(common);
  });
  std::string compliance = "baseline";
  auto* posture_command =
      app.add_subcommand("posture", "Say whether the hub's configuration meets a compliance profile (1: it does not)");
  posture_command->add_option("--profile", compliance, "baseline, hipaa or pci")
      ->check(CLI::IsMember(forgepool::compliance_profiles()))
      ->capture_default_str();
  posture_command->callback([&] { code = posture(common, compliance); });

  // --- jobs
  SubmitOptions submission;
  auto* submit_command = app.add_subcommand("submit", "Submit a contract");
  submit_command->add_option("contract", submission.contract, "Contract (JSON file)")->required();
  submit_command->add_option("--input", submission.inputs,
                             "File that the contract names by digest; uploaded first. May be repeated");
  submit_command->add_option(
      "--adapter", submission.adapter,
      "Adapter package that the job must run; default: the one that the hub shows, if the contract has no "
      "op.digest");
  submit_command->add_flag("--wait", submission.wait, "Follow the job to its end and show the result");
  submit_command->add_flag("--dry-run", submission.dry_run, "Only say what it would come to: shards, replicas, work, agents");
  submit_command->callback([&] { code = submit(common, submission); });
  std::string job, file;
  const auto job_command = [&](const char* name, const char* help, auto act) {
    auto* command = app.add_subcommand(name, help);
    command->add_option("job", job, "Job id")->required();
    command->callback([&, act] { code = act(); });
    return command;
  };
  job_command("wait", "Follow a job to its end and show the result", [&] { return wait_for(common, job); });
  job_command("status", "Show how far a job is", [&] { return status(common, job); });
  job_command("explain", "Say why a job waits, and why results were rejected", [&] { return explain(common, job); });
  job_command("cancel", "End a running job", [&] { return cancel(common, job); });
  job_command("erase", "Destroy everything that a job left on the hub", [&] { return erase(common, job); });
  bool release = false;
  job_command("hold", "Keep everything of a job, whatever its retention (legal hold)", [&] {
    return hold(common, job, release);
  })->add_flag("--release", release, "End the hold");
  job_command("result", "Fetch the result (JSON)", [&] {
    return result(common, job, file);
  })->add_option("--output", file, "File to write; default: standard output");
  job_command("bundle", "Fetch the evidence for auditors", [&] {
    return bundle(common, job, file);
  })->add_option("--output", file, "File to write; default: standard output");
  app.add_subcommand("jobs", "List jobs")->callback([&] { code = list_jobs(common); });

  // --- audit
  VerifyOptions verifying;
  auto* verification = app.add_subcommand("verify", "Check a bundle offline");
  verification->add_option("bundle", verifying.bundle, "Bundle")->required();
  verification->add_option("--root", verifying.root, "Trusted root (root.json of the pool)")->required();
  verification->add_option("--witness-policy", verifying.witness_policy,
                           "C2SP tlog-policy: the quorum that the bundle's checkpoint needs");
  verification->add_option("--adapter", verifying.adapter, "Adapter package: the only one that the job may have run");
  verification->add_option("--outputs", verifying.outputs,
                           "Folder with outputs of shards (any names), to check the result of a bundle that holds none");
  verification->add_flag("--details", verifying.details, "List every check");
  verification->callback([&] { code = verify(common, verifying); });
  auto* root_command = app.add_subcommand("root", "Trusted roots");
  root_command->require_subcommand(1);
  std::string newer_root, older_root;
  auto* accept_command = root_command->add_subcommand(
      "accept", "Go on with the keys that a hub has changed to, if the log's key that was trusted so far signed them");
  accept_command->add_option("newer", newer_root, "The new root.json, or a bundle that the hub made since")->required();
  accept_command->add_option("--root", older_root, "Trusted root (root.json of the pool) so far; replaced")->required();
  accept_command->callback([&] { code = root_accept(common, newer_root, older_root); });
  auto* replay_command = app.add_subcommand("replay", "Run shards of a bundle again in the local sandbox and compare");
  replay_command->add_option("bundle", replaying.bundle, "Bundle")->required();
  replay_command->add_option("--shard", replaying.shards, "Shard to replay; may be repeated; default: all");
  replay_command->add_option("--sample", replaying.sample, "Replay so many, drawn by the bundle's checkpoint and a nonce");
  replay_command->add_option("--nonce", replaying.nonce, "What draws the sample; default: random, and printed");
  replay_command->add_option("--input", replaying.inputs, "Input file, found by its digest; may be repeated");
  replay_command
      ->add_option("--allow-sandbox-level", replaying.level, "Weakest isolation to run at: full, namespaces, process, none")
      ->capture_default_str();
  replay_command->callback([&] { code = replay(common, replaying); });

  // --- research
  SimulateOptions simulation;
  auto* simulate_command = app.add_subcommand("simulate", "Play a scenario: who cheats how, what is found out, what it costs");
  simulate_command->add_option("scenario", simulation.scenario, "Scenario (JSON file)")->required();
  simulate_command->add_option("--output", simulation.output, "Directory for the CSV and the plot")->capture_default_str();
  simulate_command->add_option("--seed", simulation.seed, "Instead of the scenario's own");
  simulate_command->callback([&] { code = simulate(common, simulation); });

  // --- the log
  auto* ledger = app.add_subcommand("ledger", "Read and check the log of a hub, or an export of it");
  ledger->require_subcommand(1);
  LogPlace log;
  const auto log_options = [&](CLI::App* command) {
    command->add_option("--dir", log.folder, "Folder with an exported or mirrored log; default: ask the hub");
    command->add_option("--root", log.root, "Trusted root, which names the log's key");
    command->add_option("--log", log.vkey, "Or the log's key itself (vkey)");
    command->add_option("--checkpoint", log.checkpoints, "Older checkpoint (file) that the log must continue; may be repeated");
    command->add_option("--witness-policy", log.witness_policy, "C2SP tlog-policy: the quorum that the checkpoint needs");
  };
  auto* log_verify = ledger->add_subcommand("verify", "Check every entry and tile against the signed checkpoint");
  log_options(log_verify);
  log_verify->callback([&] { code = ledger_verify(common, log); });
  auto* log_export = ledger->add_subcommand("export", "Copy the log to a folder that any web server can serve");
  log_options(log_export);
  log_export->add_option("--output", output, "Folder to make")->required();
  log_export->callback([&] { code = ledger_export(common, log, output); });
  std::uint64_t entry = 0;
  // Of everything: the log, and jobs.
  AuditOptions auditing;
  auto* audit_command =
      app.add_subcommand("audit", "Check the log, its history and witnesses, and the bundles of jobs, in one go");
  const auto audit_options = [&](CLI::App* command) {
    command->add_option("subjects", auditing.subjects, "Jobs, or files with bundles; default: all jobs that are done");
    command->add_option("--root", auditing.log.root, "Trusted root (root.json of the pool)")->required();
    command->add_option("--from", auditing.from, "Only jobs that worked at or after this day or moment (RFC 3339)");
    command->add_option("--to", auditing.to, "Only jobs that worked at or before this day or moment");
    command->add_option("--dir", auditing.log.folder,
                        "Folder with an exported or mirrored log; default: the hub's, if it is asked for jobs");
    command->add_option("--checkpoint", auditing.log.checkpoints,
                        "Older checkpoint (file) that the log must continue; may be repeated");
    command->add_option("--promise", auditing.promises,
                        "File with promises of the hub that an agent kept (promises.jsonl); may be repeated");
    command->add_option("--keep", auditing.keep,
                        "File with the checkpoint of the last audit, which the log must continue; renewed");
    command->add_option("--witness-policy", auditing.log.witness_policy,
                        "C2SP tlog-policy: the quorum that the checkpoint needs");
  };
  audit_command->require_subcommand(0, 1);
  audit_options(audit_command);
  audit_command->get_option("--root")->required(false);
  audit_command->callback([&] {
    if (audit_command->get_subcommands().empty()) code = audit(common, auditing);
  });
  auto* report_command = audit_command->add_subcommand("report", "Check the same, and write it down");
  audit_options(report_command);
  report_command
      ->add_option("--format", auditing.format, "html: a page that needs nothing else; json; oscal: assessment results")
      ->check(CLI::IsMember({"html", "json", "oscal"}))
      ->capture_default_str();
  report_command->add_option("--output", auditing.output, "File to write; default: standard output");
  report_command->callback([&] { code = audit_report(common, auditing); });
  auto* controls_command =
      audit_command->add_subcommand("controls", "Write what the software does for which controls (OSCAL component definition)");
  controls_command->add_option("--output", file, "File to write; default: standard output");
  controls_command->callback([&] { code = audit_controls(common, file); });
  std::string export_root;
  auto* export_command =
      audit_command->add_subcommand("export", "Write a bundle's evidence for sigstore's and other logs' tools");
  export_command->add_option("bundle", file, "Bundle")->required();
  export_command->add_option("--root", export_root, "Trusted root (root.json of the pool)")->required();
  export_command->add_option("--output", output, "Folder to make")->required();
  export_command->callback([&] { code = audit_export(common, file, export_root, output); });

  auto* log_prove = ledger->add_subcommand("prove", "Write the proof that an entry is in the log (C2SP tlog-proof)");
  log_options(log_prove);
  log_prove->add_option("index", entry, "Number of the entry")->required();
  log_prove->add_option("--output", file, "File to write; default: standard output");
  log_prove->callback([&] { code = ledger_prove(common, log, entry, file); });
  auto* fsck = ledger->add_subcommand("fsck", "Check the whole ledger of a hub that is not running");
  fsck->add_option("--data", data, "The hub's data directory")->required();
  fsck->callback([&] { code = ledger_fsck(common, data); });
  WitnessOptions witnessing;
  auto* witness_command = app.add_subcommand("witness", "Follow a log, check that it only grows, and cosign it");
  witness_command->add_option("--data", witnessing.data, "Directory with the witness's key and memory; made if missing")
      ->required();
  witness_command->add_option("--name", witnessing.name, "Name of the witness in cosignatures, like a URL without scheme")
      ->required();
  witness_command->add_option("--root", witnessing.log.root, "Trusted root, which names the log's key");
  witness_command->add_option("--log", witnessing.log.vkey, "Or the log's key itself (vkey)");
  witness_command->add_option("--interval-ms", witnessing.interval_ms, "Pause between two looks at the log")
      ->check(CLI::Range(1, 86'400'000))
      ->capture_default_str();
  witness_command->add_flag("--once", witnessing.once, "Look once and end");
  witness_command->callback([&] { code = witness(common, witnessing); });

  // --- adapters
  auto* adapter = app.add_subcommand("adapter", "Make and look at adapter packages");
  adapter->require_subcommand(1);
  std::string manifest, program;
  auto* pack = adapter->add_subcommand("pack", "Make a package of a manifest and a static ELF");
  pack->add_option("manifest", manifest, "manifest.json")->required();
  pack->add_option("program", program, "Static x86-64 ELF")->required();
  pack->add_option("output", output, "Package to write (.fpa)")->required();
  pack->callback([&] { code = adapter_pack(common, manifest, program, output); });
  auto* inspect = adapter->add_subcommand("inspect", "Show a package's digest, profiles and arguments");
  inspect->add_option("package", file, "Package (.fpa)")->required();
  inspect->callback([&] { code = adapter_inspect(common, file); });
  auto* sandbox = app.add_subcommand("sandbox", "What this machine can enforce")->require_subcommand(1);
  sandbox->add_subcommand("doctor", "Try every mechanism of the sandbox, and say how to fix what is missing")->callback([&] {
    code = sandbox_doctor(common);
  });
  auto* digest_command = app.add_subcommand("digest", "Print a file's digest, as contracts name inputs");
  digest_command->add_option("file", file, "File")->required();
  digest_command->callback([&] { code = digest(common, file); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int shown = app.exit(error);
    return shown == 0 ? exit_ok : exit_usage;
  }
  return code;
}
