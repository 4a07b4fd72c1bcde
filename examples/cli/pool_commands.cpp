// Pools: making a hub, inviting and enrolling nodes.
#include "commands.hpp"
#include "output.hpp"

#include <forgepool/address.hpp>
#include <forgepool/backends/quic_transport.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include <unistd.h>

namespace forgepool_cli {

using namespace forgepool;

int hub_init(const Common& common, const std::string& data, const std::string& trust_domain, const KeyOptions& options) {
  const Time now = std::chrono::system_clock::now();
  const auto keys = hub_keys(options);
  if (!keys) return complain(keys.error(), common.json);
  if (const auto made = init_hub_directory(data, trust_domain, now, *keys); !made) return complain(made.error(), common.json);
  if (common.json) {
    print_json({{"data", data}, {"root", hub_identity_directory(data) + "/root.json"}, {"operator", data + "/operator"}});
    return exit_ok;
  }
  fmt::print(
      "Made the hub of {} in {}.\n  trusted root for auditors: {}/root.json\n  operator's credentials:    {}/operator\nStart "
      "it: forgepool-hub --data {} --adapter ADAPTER.fpa\n",
      trust_domain, data, hub_identity_directory(data), data, data);
  return exit_ok;
}

namespace {

nlohmann::ordered_json to_json(const AgentSummary& summary) {
  const SchedulerAgent& agent = summary.agent;
  return {{"agent", agent.id.str()},
          {"state", summary.state},
          {"region", agent.region},
          {"tier", agent.tier},
          {"data_classes", agent.data_classes},
          {"adapters", agent.adapters},
          {"numeric_class", agent.numeric_class},
          {"operator", agent.operator_id},
          {"network", agent.network},
          {"organization", agent.organization.str()},
          {"certificate_expires_at", to_rfc3339(summary.certificate_expires_at)},
          {"answers", summary.answers},
          {"checks", summary.checks},
          {"on_probation", summary.on_probation},
          {"reason", summary.reason}};
}

std::string describe(const AgentSummary& summary) {
  return fmt::format("{}  {:<11}  {:>8} answers, {:>8} checked{}  {:<10}  {}{}\n", summary.agent.id.str(), summary.state,
                     summary.answers, summary.checks, summary.on_probation ? ", on probation" : "", summary.agent.tier,
                     summary.agent.region, summary.reason.empty() ? "" : "  " + printable(summary.reason));
}

}  // namespace

int invite(const Common& common, const Invitation& invitation) {
  auto session = Session::open(common.address);
  if (!session) return complain(session.error(), common.json);
  const auto token = session->call<std::string>([&](auto done) { session->client().invite(invitation, done); });
  if (!token) return complain(token.error(), common.json);
  if (common.json)
    print_json({{"join_token", *token}});
  else
    fmt::print("{}\n", *token);
  return exit_ok;
}

int enroll(const Common& common, const std::string& join_token, const std::string& output) {
  const auto place = parse_network_address(common.address.hub);
  if (!place) return complain({ErrorKind::invalid_input, "--hub: " + place.error().message}, common.json);
  // Before the token is used up: is there a place for what comes of it?
  const std::filesystem::path directory = std::filesystem::absolute(output);
  if (std::filesystem::exists(directory))
    return complain({ErrorKind::conflict, output + " exists already; nothing is overwritten: choose another directory"},
                    common.json);
  if (::access(directory.parent_path().c_str(), W_OK | X_OK) != 0)
    return complain({ErrorKind::invalid_input,
                     "cannot make " + output + ": " + directory.parent_path().string() + " is missing or not writable"},
                    common.json);
  constexpr const char* other_port =
      " (is this its enrolment port? It is not the one for members: 4434, unless the hub was started with another "
      "--enrol-port)";
  auto loop = make_event_loop({1});
  auto transport = make_quic_transport(*loop);
  std::optional<Result<Credentials>> answer;
  enrol(*transport, {place->host, place->port, join_token}, [&](Result<Credentials> credentials) {
    answer = std::move(credentials);
    loop->stop();
  });
  if (!answer) loop->run_for(std::chrono::seconds(30));
  if (!answer)
    return complain({ErrorKind::unavailable, "the hub did not answer at " + common.address.hub + other_port}, common.json);
  if (!*answer) {
    Error error = answer->error();
    // A port for members turns away who has no certificate; one where nobody is says nothing.
    if (error.kind == ErrorKind::unavailable || error.message.starts_with("the peer at")) error.message += other_port;
    return complain(error, common.json);
  }
  if (const auto saved = save_credentials(**answer, output); !saved) return complain(saved.error(), common.json);
  if (common.json)
    print_json({{"name", (*answer)->name}, {"credentials", output}});
  else
    fmt::print("Enrolled as {}; credentials in {}\n", (*answer)->name, output);
  return exit_ok;
}

int posture(const Common& common, const std::string& profile) {
  auto session = Session::open(common.address);
  if (!session) return complain(session.error(), common.json);
  const auto text = session->call<std::string>([&](auto done) { session->client().posture(done); });
  if (!text) return complain(text.error(), common.json);
  const auto findings = assess_posture(*text, profile);
  if (!findings) return complain(findings.error(), common.json);
  const bool met = std::ranges::all_of(*findings, &PostureFinding::met);
  if (common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& one : *findings) list.push_back({{"control", one.control}, {"met", one.met}, {"text", one.text}});
    print_json({{"profile", profile}, {"met", met}, {"findings", std::move(list)}});
  } else {
    for (const auto& one : *findings)
      fmt::print("{}  {}: {}\n", one.met ? "met    " : "NOT MET", one.control, printable(one.text));
  }
  return met ? exit_ok : exit_failed;
}

int list_agents(const Common& common) {
  auto session = Session::open(common.address);
  if (!session) return complain(session.error(), common.json);
  const auto agents = session->call<std::vector<AgentSummary>>([&](auto done) { session->client().agents(done); });
  if (!agents) return complain(agents.error(), common.json);
  if (common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& agent : *agents) list.push_back(to_json(agent));
    print_json({{"agents", std::move(list)}});
    return exit_ok;
  }
  for (const auto& agent : *agents) fmt::print("{}", describe(agent));
  return exit_ok;
}

int drain(const Common& common, const std::string& text, bool draining) {
  const auto id = AgentId::parse(text);
  if (!id) return complain(id.error(), common.json);
  auto session = Session::open(common.address);
  if (!session) return complain(session.error(), common.json);
  const auto agent = session->call<AgentSummary>([&](auto done) { session->client().drain(*id, draining, done); });
  if (!agent) return complain(agent.error(), common.json);
  if (common.json)
    print_json(to_json(*agent));
  else
    fmt::print("{}", describe(*agent));
  return exit_ok;
}

int appeal(const Common& common, const std::string& text, const std::string& job_text, ReplayOptions options) {
  const auto id = AgentId::parse(text);
  if (!id) return complain(id.error(), common.json);
  const auto job_id = JobId::parse(job_text);
  if (!job_id) return complain(job_id.error(), common.json);
  auto session = Session::open(common.address);
  if (!session) return complain(session.error(), common.json);
  const auto job =
      session->call<JobStatus>([&](auto done) { session->client().status(*job_id, 0, Duration::zero(), std::move(done)); });
  if (!job) return complain(job.error(), common.json);
  const auto charge = std::ranges::find(job->caught, *id, &CaughtAgent::agent);
  if (charge == job->caught.end())
    return complain({ErrorKind::not_found, "agent " + id->str() + " was not caught in job " + job_id->str()}, common.json);
  options.shards = {charge->shard};
  const auto replayed = run_replay(options);
  if (!replayed) return complain(replayed.error(), common.json);
  const ReplayedShard& shard = replayed->shards.front();
  if (!shard.report.outcome.ok())
    return complain({ErrorKind::unavailable, "the replay did not end well: " + describe(shard.report.outcome)}, common.json);
  const auto agent = session->call<AgentSummary>([&](auto done) {
    session->client().appeal(*id, {*job_id, charge->shard, shard.replayed}, std::move(done));
  });
  if (!agent) return complain(agent.error(), common.json);
  if (common.json)
    print_json(to_json(*agent));
  else
    fmt::print("the replay of shard {} gave {}, as the agent had said: it works again, on probation\n{}", charge->shard,
               shard.replayed.str(), describe(*agent));
  return exit_ok;
}

}  // namespace forgepool_cli
