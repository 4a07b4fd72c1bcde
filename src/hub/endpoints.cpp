#include "hub/endpoints.hpp"

#include "crypto/reason.hpp"
#include "hub/bundle_builder.hpp"
#include "wire/job_messages.hpp"
#include "wire/json.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace forgepool::hub {
namespace {

constexpr auto max_wait = std::chrono::seconds(60);
constexpr std::uint64_t max_ca_epoch = 0xffffffff;  // None is so large: it is not found.

Response ok(Bytes body, std::string content_type = "application/octet-stream") {
  return {200, std::move(content_type), std::move(body)};
}
Response json_answer(std::string text) {
  return ok(to_bytes(text), "application/json");
}
Response nothing() {
  return {204, "application/octet-stream", {}};
}
/// Every refusal has a reason code (crypto/reason.hpp); where nothing more precise is known, the name of its kind.
Error coded(const Error& error) {
  return reason_code(error).empty() ? Error{error.kind, std::string(to_string(error.kind)) + ": " + error.message} : error;
}

Response failure(const Error& error) {
  return {wire::status_of(error.kind), "application/octet-stream", wire::encode_failure(error)};
}

/// "/v1/jobs/x?wait_ms=5" is the path "/v1/jobs/x" and the query "wait_ms=5".
std::pair<std::string_view, std::string_view> split_query(std::string_view path) {
  const auto mark = path.find('?');
  if (mark == std::string_view::npos) return {path, {}};
  return {path.substr(0, mark), path.substr(mark + 1)};
}

/// The value of a parameter that is a number; `fallback` if it is absent or none.
std::uint64_t query_number(std::string_view query, std::string_view name, std::uint64_t fallback) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto part = query.substr(0, end);
    if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=') {
      std::uint64_t value = 0;
      const auto digits = part.substr(name.size() + 1);
      const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
      return error == std::errc() && rest == digits.data() + digits.size() ? value : fallback;
    }
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return fallback;
}

Duration bounded_wait(std::uint64_t ms) {
  return std::min<Duration>(max_wait, std::chrono::milliseconds(std::min<std::uint64_t>(ms, 1'000'000)));
}

/// What stands between the two, if the path begins and ends so; otherwise the path stays as it is.
bool take_between(std::string_view& path, std::string_view prefix, std::string_view suffix) {
  if (path.size() < prefix.size() + suffix.size() || !path.starts_with(prefix) || !path.ends_with(suffix)) return false;
  path = path.substr(prefix.size(), path.size() - prefix.size() - suffix.size());
  return true;
}

bool take_prefix(std::string_view& path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  path.remove_prefix(prefix.size());
  return true;
}

/// The action that a method and path stand for, and what follows the fixed part of the path.
struct Route {
  Action action;
  std::string_view rest;
};
std::optional<Route> route_of(std::string_view method, std::string_view path) {
  if (method == "GET") {
    if (path == "/healthz") return Route{Action::read_health, {}};
    if (path == "/checkpoint" || path == "/v1/log/offer" || path.starts_with("/tile/")) return Route{Action::read_log, path};
    if (path == "/v1/jobs") return Route{Action::list_jobs, {}};
    if (path == "/v1/agents") return Route{Action::list_agents, {}};
    if (path == "/v1/crl") return Route{Action::read_revocation_list, {}};
    if (path == "/v1/organizations") return Route{Action::list_organizations, {}};
    if (take_prefix(path, "/v1/jobs/")) return Route{Action::read_job, path};
    if (take_prefix(path, "/v1/agent/blob/")) return Route{Action::fetch_blob, path};
  } else if (method == "POST") {
    if (path == "/v1/agent/lease") return Route{Action::take_lease, {}};
    if (path == "/v1/agent/heartbeat") return Route{Action::heartbeat, {}};
    if (path == "/v1/agent/result") return Route{Action::report_result, {}};
    if (path == "/v1/log/cosignatures") return Route{Action::cosign, {}};
    if (path == "/v1/jobs") return Route{Action::submit_job, {}};
    if (path == "/v1/forecasts") return Route{Action::forecast_job, {}};
    if (path == "/v1/invitations") return Route{Action::invite, {}};
    if (take_between(path, "/v1/jobs/", "/cancel")) return Route{Action::cancel_job, path};
    if (take_between(path, "/v1/agents/", "/drain")) return Route{Action::drain_agent, path};
    if (take_between(path, "/v1/agents/", "/appeal")) return Route{Action::hear_appeal, path};
    if (path == "/v1/renew") return Route{Action::renew, {}};
    if (path == "/v1/revocations") return Route{Action::revoke, {}};
    if (path == "/v1/keys") return Route{Action::rotate_keys, {}};
  } else if (method == "PUT") {
    if (take_prefix(path, "/v1/blobs/")) return Route{Action::upload_blob, path};
  }
  return std::nullopt;
}

/// Empty for no endpoint of ours.
std::string action_of(const Request& request) {
  // No route of the members' port, but its refusals stand in the log, too.
  if (request.method == "POST" && request.path == "/v1/enroll") return std::string(to_string(Action::enrol));
  const auto route = route_of(request.method, split_query(request.path).first);
  return route ? std::string(to_string(route->action)) : "";
}

}  // namespace

Endpoints::Endpoints(EventLoop& loop, HubCore& core, Committer& committer, std::shared_ptr<Ledger> ledger,
                     const HubIdentity& identity, LogPublication& publication, Front& front, LogSink& log)
    : loop_(loop),
      core_(core),
      committer_(committer),
      ledger_(std::move(ledger)),
      identity_(identity),
      publication_(publication),
      front_(front),
      log_(log) {}

void Endpoints::answer(Responder respond, Response response) {
  committer_.after(core_.effects().take(),
                   [respond = std::move(respond), response = std::move(response)]() mutable { respond(std::move(response)); });
}

void Endpoints::note_allowed(const Peer& peer, Action action) {
  log_.write(LogLevel::debug, "request_allowed",
             {{"peer", peer.name}, {"address", peer.address}, {"action", std::string(to_string(action))}});
}

void Endpoints::note_refusal(const Peer& peer, const Request& request, const Error& told) {
  log_.write(LogLevel::warning, "request_refused",
             {{"peer", peer.name.empty() ? peer.address : peer.name},
              {"address", peer.address},
              {"action", action_of(request)},
              {"request", request.method + " " + request.path.substr(0, 200)},
              {"kind", std::string(to_string(told.kind))},
              {"reason", told.message}});
}

void Endpoints::refuse(const Peer& peer, const Request& request, const Error& error, Responder respond) {
  const Error told = coded(error);
  note_refusal(peer, request, told);
  answer(std::move(respond), failure(told));
}

void Endpoints::decline(const Peer& peer, const Request& request, const Error& error, Responder respond) {
  note_refusal(peer, request, coded(error));
  answer(std::move(respond), failure(error));
}

void Endpoints::handle(const Caller& caller, const Peer& peer, Request request, Responder respond) {
  const auto [path, query] = split_query(request.path);
  const auto route = route_of(request.method, path);
  if (!route)
    return refuse(peer, request, {ErrorKind::not_found, "endpoint_unknown: there is no such endpoint"}, std::move(respond));
  // Also on a connection that was good when it began.
  if (const auto admitted = core_.admit(peer, loop_.now()); !admitted)
    return refuse(peer, request, admitted.error(), std::move(respond));
  if (const auto allowed = authorize(caller, route->action); !allowed)
    return refuse(peer, request, allowed.error(), std::move(respond));
  // Whatever it is about is this organization's: a caller of another one stops here.
  if (const auto allowed = authorize(caller, route->action, {core_.organization(), caller.owner()}); !allowed)
    return refuse(peer, request, allowed.error(), std::move(respond));

  note_allowed(peer, route->action);

  switch (route->action) {
    case Action::read_health: read_health(caller, std::move(respond)); break;
    case Action::read_log: read_log(peer, request, route->rest, std::move(respond)); break;
    case Action::cosign: cosign(peer, request, std::move(respond)); break;
    case Action::take_lease: take_lease(caller, peer, request, std::move(respond)); break;
    case Action::heartbeat: heartbeat(caller, peer, request, std::move(respond)); break;
    case Action::report_result: report(caller, peer, request, std::move(respond)); break;
    case Action::fetch_blob: fetch(caller, peer, request, route->rest, std::move(respond)); break;
    case Action::submit_job: submit(caller, peer, request, std::move(respond)); break;
    case Action::upload_blob: upload(caller, peer, request, route->rest, std::move(respond)); break;
    case Action::forecast_job: forecast(caller, peer, request, std::move(respond)); break;
    case Action::cancel_job: cancel(caller, peer, request, route->rest, std::move(respond)); break;
    case Action::drain_agent: drain(peer, request, route->rest, std::move(respond)); break;
    case Action::hear_appeal: appeal(peer, request, route->rest, std::move(respond)); break;
    case Action::invite: invite(peer, request, std::move(respond)); break;
    case Action::read_job: {
      const auto slash = std::min(route->rest.find('/'), route->rest.size());
      const auto id = JobId::parse(route->rest.substr(0, slash));
      if (!id)
        refuse(peer, request, id.error(), std::move(respond));
      else
        read_job(caller, peer, *id, route->rest.substr(slash), request, std::move(respond));
      break;
    }
    case Action::list_jobs: {
      wire::fb::JobListT list;
      for (const auto& status : core_.list(caller, loop_.now()))
        list.jobs.push_back(std::make_unique<wire::fb::JobStatusT>(wire::to_wire(status)));
      answer(std::move(respond), ok(wire::encode(list)));
      break;
    }
    case Action::list_agents: {
      wire::fb::AgentListT list;
      for (const auto& agent : core_.agents(loop_.now()))
        list.agents.push_back(std::make_unique<wire::fb::AgentInfoT>(wire::to_wire(agent)));
      answer(std::move(respond), ok(wire::encode(list)));
      break;
    }
    case Action::list_organizations: {
      wire::fb::OrganizationListT list;
      for (const auto& organization : front_.organizations())
        list.organizations.push_back(std::make_unique<wire::fb::OrganizationInfoT>(wire::to_wire(organization)));
      answer(std::move(respond), ok(wire::encode(list)));
      break;
    }
    case Action::renew: renew(peer, request, std::move(respond)); break;
    case Action::revoke: revoke(caller, peer, request, std::move(respond)); break;
    case Action::rotate_keys: rotate(peer, request, std::move(respond)); break;
    case Action::read_revocation_list:
      read_revocation_list(peer, request, query_number(query, "ca", 0), std::move(respond));
      break;
    case Action::revoke_organization:  // Comes as `revoke`, whose body says of what.
    case Action::enrol: refuse(peer, request, {ErrorKind::denied, "enrol on the enrolment port"}, std::move(respond)); break;
  }
  settle();
}

void Endpoints::handle_enrolment(const Peer& peer, Request request, Responder respond) {
  if (request.method != "POST" || request.path != "/v1/enroll")
    return refuse(peer, request, {ErrorKind::not_found, "endpoint_unknown: this port is for enrolment only: POST /v1/enroll"},
                  std::move(respond));
  if (const auto allowed = authorize({}, Action::enrol); !allowed)
    return refuse(peer, request, allowed.error(), std::move(respond));
  const auto message = wire::decode<wire::fb::EnrollT>(request.body);
  if (!message) return refuse(peer, request, message.error(), std::move(respond));
  const auto enrolled = core_.enrol(message->secret, message->certificate_request, loop_.now());
  if (!enrolled) {
    refuse(peer, request, enrolled.error(), std::move(respond));
  } else {
    // Who it is from now on: at this port nobody shows a certificate.
    const auto issued = parse_certificate(enrolled->chain.front()->der);
    const bool named = issued && !issued->fields.uri_names.empty();
    note_allowed({named ? issued->fields.uri_names.front() : peer.address, {}, {}, peer.address}, Action::enrol);
    answer(std::move(respond), ok(wire::encode(*enrolled)));
  }
  settle();
}

// --- agents ----------------------------------------------------------------------------------------------------------

void Endpoints::take_lease(const Caller& caller, const Peer& peer, const Request& request, Responder respond) {
  const auto ask = wire::decode<wire::fb::LeaseAskT>(request.body);
  if (!ask) return refuse(peer, request, ask.error(), std::move(respond));
  if (closed_) return answer(std::move(respond), nothing());
  const AgentId id(caller.name);
  const Time now = loop_.now();
  if (!ask->numeric_class.empty())
    if (const auto noted = core_.measured_numeric_class(id, ask->numeric_class); !noted)
      return refuse(peer, request, noted.error(), std::move(respond));
  // An agent that asks from a new connection has left the old one: work must not be sent there.
  for (auto waiting = waiting_agents_.begin(); waiting != waiting_agents_.end();) {
    if (waiting->id != id || waiting->peer.address == peer.address) {
      ++waiting;
      continue;
    }
    answer(std::move(waiting->respond), nothing());
    waiting = waiting_agents_.erase(waiting);
  }
  auto lease = core_.take_lease(id, peer, ask->max_shards, true, now);
  if (!lease) return refuse(peer, request, lease.error(), std::move(respond));
  if (*lease) return answer(std::move(respond), ok(wire::encode(**lease)));
  if (ask->wait_ms == 0) return answer(std::move(respond), nothing());
  waiting_agents_.push_back({id, peer, ask->max_shards, std::move(respond), now + bounded_wait(ask->wait_ms)});
}

void Endpoints::heartbeat(const Caller& caller, const Peer& peer, const Request& request, Responder respond) {
  const auto message = wire::decode<wire::fb::HeartbeatT>(request.body);
  if (!message) return refuse(peer, request, message.error(), std::move(respond));
  const auto reply = core_.heartbeat(AgentId(caller.name), peer, *message, loop_.now());
  if (!reply) return refuse(peer, request, reply.error(), std::move(respond));
  answer(std::move(respond), ok(wire::encode(*reply)));
}

void Endpoints::report(const Caller& caller, const Peer& peer, const Request& request, Responder respond) {
  const auto message = wire::decode<wire::fb::LeaseResultT>(request.body);
  if (!message) return refuse(peer, request, message.error(), std::move(respond));
  const auto taken = core_.report(AgentId(caller.name), peer, request.authorization, *message, loop_.now());
  if (!taken) return refuse(peer, request, taken.error(), std::move(respond));
  answer(std::move(respond), nothing());
}

void Endpoints::fetch(const Caller& caller, const Peer& peer, const Request& request, std::string_view text,
                      Responder respond) {
  const auto digest = Digest::parse(text);
  if (!digest) return refuse(peer, request, digest.error(), std::move(respond));
  if (const auto allowed = core_.may_fetch(AgentId(caller.name), peer, request.authorization, *digest, loop_.now()); !allowed)
    return refuse(peer, request, allowed.error(), std::move(respond));
  if (const auto adapter = core_.adapter(*digest)) return answer(std::move(respond), ok(adapter->bytes()));
  const auto blob = ledger_->read(blob_key(*digest));
  if (!blob || !*blob) return refuse(peer, request, {ErrorKind::internal, "the hub cannot read this blob"}, std::move(respond));
  answer(std::move(respond), ok(std::move(**blob)));
}

// --- the log ---------------------------------------------------------------------------------------------------------

void Endpoints::read_log(const Peer& peer, const Request& request, std::string_view path, Responder respond) {
  if (path != "/checkpoint" && path != "/v1/log/offer") {
    auto content = publication_.resource(path.substr(1));
    // To a reader of static files, a path that is none is one that is not there.
    if (!content && content.error().kind == ErrorKind::invalid_input) content.error().kind = ErrorKind::not_found;
    if (!content) return decline(peer, request, content.error(), std::move(respond));
    return answer(std::move(respond), ok(std::move(*content)));
  }
  auto respond_shared = std::make_shared<Responder>(std::move(respond));
  const auto done = [respond_shared](Result<std::string> note) {
    (*respond_shared)(note ? ok(to_bytes(*note), "text/plain; charset=utf-8") : failure(note.error()));
  };
  if (path == "/checkpoint") return publication_.checkpoint(done);
  publication_.offer(query_number(split_query(request.path).second, "old", 0), done);
}

void Endpoints::cosign(const Peer& peer, const Request& request, Responder respond) {
  auto respond_shared = std::make_shared<Responder>(std::move(respond));
  publication_.take(as_text(request.body), [this, respond_shared, peer,
                                            asked = Request{request.method, request.path, {}, {}}](Result<std::string> taken) {
    log_.write(taken ? LogLevel::info : LogLevel::warning, "checkpoint_cosigned",
               {{"witness", peer.name}, {"outcome", taken ? *taken : taken.error().message}});
    if (!taken) note_refusal(peer, asked, coded(taken.error()));
    (*respond_shared)(taken ? nothing() : failure(taken.error()));
  });
}

// --- clients ---------------------------------------------------------------------------------------------------------

void Endpoints::submit(const Caller& caller, const Peer& peer, const Request& request, Responder respond) {
  if (closed_) return decline(peer, request, {ErrorKind::unavailable, "the hub is shutting down"}, std::move(respond));
  const auto status = core_.submit(as_text(request.body), caller, loop_.now());
  if (!status) return decline(peer, request, status.error(), std::move(respond));
  answer(std::move(respond), ok(wire::encode(wire::to_wire(*status))));
}

void Endpoints::forecast(const Caller& caller, const Peer& peer, const Request& request, Responder respond) {
  const auto forecast = core_.forecast(as_text(request.body), caller, loop_.now());
  if (!forecast) return decline(peer, request, forecast.error(), std::move(respond));
  answer(std::move(respond), ok(wire::encode(wire::to_wire(*forecast))));
}

void Endpoints::cancel(const Caller& caller, const Peer& peer, const Request& request, std::string_view text,
                       Responder respond) {
  const auto id = JobId::parse(text);
  if (!id) return decline(peer, request, id.error(), std::move(respond));
  const auto status = core_.cancel(*id, caller, loop_.now());
  if (!status) return decline(peer, request, status.error(), std::move(respond));
  answer(std::move(respond), ok(wire::encode(wire::to_wire(*status))));
}

void Endpoints::drain(const Peer& peer, const Request& request, std::string_view text, Responder respond) {
  const auto id = AgentId::parse(text);
  if (!id) return decline(peer, request, id.error(), std::move(respond));
  const auto message = wire::decode<wire::fb::DrainT>(request.body);
  if (!message) return decline(peer, request, message.error(), std::move(respond));
  const auto agent = core_.drain(*id, message->draining, loop_.now());
  if (!agent) return decline(peer, request, agent.error(), std::move(respond));
  answer(std::move(respond), ok(wire::encode(wire::to_wire(*agent))));
}

void Endpoints::appeal(const Peer& peer, const Request& request, std::string_view text, Responder respond) {
  const auto id = AgentId::parse(text);
  if (!id) return decline(peer, request, id.error(), std::move(respond));
  const auto message = wire::decode<wire::fb::AppealT>(request.body);
  if (!message) return decline(peer, request, message.error(), std::move(respond));
  const auto job = JobId::parse(message->job);
  if (!job) return decline(peer, request, job.error(), std::move(respond));
  const auto agent = core_.appeal(*id, {*job, message->shard, wire::from_wire(*message->replayed)}, loop_.now());
  if (!agent) return decline(peer, request, agent.error(), std::move(respond));
  answer(std::move(respond), ok(wire::encode(wire::to_wire(*agent))));
}

void Endpoints::read_health(const Caller& caller, Responder respond) {
  const auto unhealthy = core_.unhealthy(loop_.now());
  json::Object health{{"ledger_size", ledger_->head().size},
                      {"status", unhealthy.empty() ? "ok" : "degraded"},
                      {"unhealthy_agents", unhealthy.size()}};
  // Which ones is for those who may list them.
  if (authorize(caller, Action::list_agents)) {
    json::Array agents;
    for (const auto& agent : unhealthy)
      agents.push_back(json::Object{{"agent", agent.agent.id.str()}, {"reason", agent.reason}});
    health.set("agents", std::move(agents));
  }
  answer(std::move(respond), json_answer(json::canonicalize(std::move(health)) + "\n"));
}

void Endpoints::renew(const Peer& peer, const Request& request, Responder respond) {
  const auto message = wire::decode<wire::fb::RenewT>(request.body);
  if (!message) return refuse(peer, request, message.error(), std::move(respond));
  const auto renewed = core_.renew(peer, message->certificate_request, loop_.now());
  if (!renewed) return refuse(peer, request, renewed.error(), std::move(respond));
  answer(std::move(respond), ok(wire::encode(*renewed)));
}

void Endpoints::revoke(const Caller& caller, const Peer& peer, const Request& request, Responder respond) {
  const auto message = wire::decode<wire::fb::RevokeT>(request.body);
  if (!message) return refuse(peer, request, message.error(), std::move(respond));
  wire::fb::RevokedT done;
  if (message->kind == "organization") {
    if (const auto allowed = authorize(caller, Action::revoke_organization); !allowed)
      return refuse(peer, request, allowed.error(), std::move(respond));
    const auto leases = front_.revoke_organization(message->id, message->reason);
    if (!leases) return refuse(peer, request, leases.error(), std::move(respond));
    done.leases = *leases;
  } else {
    const auto revoked = core_.revoke(message->kind, message->id, message->reason, loop_.now());
    if (!revoked) return refuse(peer, request, revoked.error(), std::move(respond));
    done.leases = revoked->leases;
    turn_out(revoked->whose);
    if (message->id.starts_with("log-") && message->kind == "key")
      if (const auto told = front_.key_changed(identity_.trust_domain, KeyPurpose::log); !told)
        return refuse(peer, request, told.error(), std::move(respond));
  }
  answer(std::move(respond), ok(wire::encode(done)));
}

void Endpoints::rotate(const Peer& peer, const Request& request, Responder respond) {
  const auto message = wire::decode<wire::fb::RotateKeyT>(request.body);
  if (!message) return refuse(peer, request, message.error(), std::move(respond));
  const auto purpose = KeyId::parse(message->purpose + "-1");
  if (!purpose || purpose->purpose == KeyPurpose::node)
    return refuse(peer, request, {ErrorKind::invalid_input, "purpose: expected ca, hub, token or log"}, std::move(respond));
  // A ledger that has one key for ever says so now, and not when there is another one.
  if (purpose->purpose == KeyPurpose::log)
    if (const auto possible = front_.key_changed(identity_.trust_domain, KeyPurpose::log); !possible)
      return refuse(peer, request, possible.error(), std::move(respond));
  const auto key = core_.rotate(purpose->purpose, loop_.now());
  if (!key) return refuse(peer, request, key.error(), std::move(respond));
  if (const auto shown = front_.key_changed(identity_.trust_domain, purpose->purpose); !shown)
    return refuse(peer, request, shown.error(), std::move(respond));
  wire::fb::KeyRotatedT rotated;
  rotated.key = key->str();
  rotated.trusted_root = make_trusted_root(identity_);
  answer(std::move(respond), ok(wire::encode(rotated)));
}

void Endpoints::read_revocation_list(const Peer& peer, const Request& request, std::uint64_t ca_epoch, Responder respond) {
  if (ca_epoch > max_ca_epoch) ca_epoch = max_ca_epoch;
  auto list = core_.revocation_list(static_cast<std::uint32_t>(ca_epoch), loop_.now());
  if (!list) return refuse(peer, request, list.error(), std::move(respond));
  answer(std::move(respond), ok(std::move(*list), "application/pkix-crl"));
}

void Endpoints::turn_out(const std::function<bool(const Peer&)>& whose) {
  std::erase_if(waiting_agents_, [&](const WaitingAgent& waiting) { return whose(waiting.peer); });
  std::erase_if(waiting_clients_, [&](const WaitingClient& waiting) { return whose(waiting.peer); });
  front_.disconnect(whose);
}

void Endpoints::upload(const Caller& caller, const Peer& peer, const Request& request, std::string_view text,
                       Responder respond) {
  const auto digest = Digest::parse(text);
  if (!digest) return decline(peer, request, digest.error(), std::move(respond));
  const auto stored = core_.upload(*digest, request.body, caller);
  if (!stored) return decline(peer, request, stored.error(), std::move(respond));
  answer(std::move(respond), nothing());
}

void Endpoints::invite(const Peer& peer, const Request& request, Responder respond) {
  const auto message = wire::decode<wire::fb::InviteT>(request.body);
  if (!message) return decline(peer, request, message.error(), std::move(respond));
  auto token = core_.invite(wire::from_wire(*message), loop_.now());
  if (!token) return decline(peer, request, token.error(), std::move(respond));
  wire::fb::InvitationT invitation;
  invitation.join_token = std::move(*token);
  answer(std::move(respond), ok(wire::encode(invitation)));
}

void Endpoints::read_job(const Caller& caller, const Peer& peer, const JobId& id, std::string_view part, const Request& request,
                         Responder respond) {
  const Time now = loop_.now();
  const auto job = core_.find_for(id, caller);
  if (!job) return decline(peer, request, job.error(), std::move(respond));
  if (part.empty()) {
    const auto query = split_query(request.path).second;
    const auto seen = query_number(query, "seen", 0);
    const auto wait = bounded_wait(query_number(query, "wait_ms", 0));
    if ((*job)->version > seen || wait <= Duration::zero())
      return answer(std::move(respond), ok(wire::encode(wire::to_wire(*core_.status(id, caller, now)))));
    waiting_clients_.push_back({id, caller, peer, seen, std::move(respond), now + wait});
    return;
  }
  if (part == "/explain") return answer(std::move(respond), ok(wire::encode(wire::to_wire(*core_.explain(id, caller, now)))));
  if (part != "/result" && part != "/bundle")
    return decline(peer, request, {ErrorKind::not_found, "a job has: result, bundle, explain"}, std::move(respond));

  if ((*job)->state == JobState::running)
    return decline(peer, request, {ErrorKind::unavailable, "the job is still running; wait for it"}, std::move(respond));
  if ((*job)->state != JobState::done)
    return decline(
        peer, request,
        {ErrorKind::not_found, fmt::format("the job {} and has no result: {}",
                                           (*job)->state == JobState::failed ? "failed" : "was cancelled", (*job)->failure)},
        std::move(respond));

  // What is read next must be in the ledger: after the commit of everything so far. Then off the loop, for a bundle may be
  // large.
  auto respond_shared = std::make_shared<Responder>(std::move(respond));
  auto outcome = std::make_shared<Result<std::string>>();
  const bool bundle = part == "/bundle";
  auto facts = BundleFacts{(*job)->id, (*job)->contract, (*job)->adapter, {}};
  if (bundle) {
    auto checkpoint = publication_.for_bundle();
    if (!checkpoint) return decline(peer, request, checkpoint.error(), std::move(*respond_shared));
    facts.checkpoint = std::move(*checkpoint);
  }
  committer_.after(core_.effects().take(), [this, bundle, respond_shared, outcome, facts = std::move(facts)] {
    loop_.run_blocking(
        [bundle, outcome, facts, ledger = ledger_, key = identity_.tls.key] {
          *outcome = bundle ? build_bundle(*ledger, facts, *key) : read_result(*ledger, facts.job);
        },
        [respond_shared, outcome] {
          (*respond_shared)(*outcome ? json_answer(std::move(**outcome)) : failure(outcome->error()));
        });
  });
}

// --- those who wait --------------------------------------------------------------------------------------------------

void Endpoints::settle() {
  if (settling_) return;  // Answers below may come back here.
  settling_ = true;
  offer_work();
  tell_changes();
  settling_ = false;
  committer_.after(core_.effects().take(), nullptr);
  arm();
}

void Endpoints::offer_work() {
  if (!core_.take_new_work()) return;
  const Time now = loop_.now();
  for (auto waiting = waiting_agents_.begin(); waiting != waiting_agents_.end();) {
    auto lease = core_.take_lease(waiting->id, waiting->peer, waiting->max_shards, false, now);
    if (lease && !*lease) {
      ++waiting;
      continue;
    }
    if (lease)
      answer(std::move(waiting->respond), ok(wire::encode(**lease)));
    else
      refuse(waiting->peer, {"POST", "/v1/agent/lease", {}, {}}, lease.error(), std::move(waiting->respond));
    waiting = waiting_agents_.erase(waiting);
  }
}

void Endpoints::tell_changes() {
  const auto changed = core_.take_changed_jobs();
  if (changed.empty()) return;
  const Time now = loop_.now();
  for (auto waiting = waiting_clients_.begin(); waiting != waiting_clients_.end();) {
    const Job* job = changed.contains(waiting->job) ? core_.find(waiting->job) : nullptr;
    if (!job || job->version <= waiting->seen) {
      ++waiting;
      continue;
    }
    answer(std::move(waiting->respond), ok(wire::encode(wire::to_wire(*core_.status(waiting->job, waiting->caller, now)))));
    waiting = waiting_clients_.erase(waiting);
  }
}

void Endpoints::drop_late() {
  const Time now = loop_.now();
  for (auto waiting = waiting_agents_.begin(); waiting != waiting_agents_.end();) {
    if (waiting->until > now && !closed_) {
      ++waiting;
      continue;
    }
    answer(std::move(waiting->respond), nothing());
    waiting = waiting_agents_.erase(waiting);
  }
  for (auto waiting = waiting_clients_.begin(); waiting != waiting_clients_.end();) {
    if (waiting->until > now && !closed_) {
      ++waiting;
      continue;
    }
    const auto status = core_.status(waiting->job, waiting->caller, now);
    answer(std::move(waiting->respond), status ? ok(wire::encode(wire::to_wire(*status))) : failure(status.error()));
    waiting = waiting_clients_.erase(waiting);
  }
}

void Endpoints::arm() {
  if (closed_) {
    timer_ = nullptr;
    return;
  }
  std::optional<Time> next = core_.next_deadline();
  const auto earlier = [&](Time time) {
    if (!next || time < *next) next = time;
  };
  for (const auto& waiting : waiting_agents_) earlier(waiting.until);
  for (const auto& waiting : waiting_clients_) earlier(waiting.until);
  if (!next) {
    timer_ = nullptr;
    return;
  }
  if (timer_ && armed_for_ <= *next) return;  // Fires no later than needed, and arms again.
  armed_for_ = *next;
  timer_ = loop_.after(*next - loop_.now() + std::chrono::milliseconds(1), [this] {
    timer_ = nullptr;
    core_.tick(loop_.now());
    drop_late();
    settle();
  });
}

void Endpoints::close() {
  closed_ = true;
  drop_late();
  settle();
}

}  // namespace forgepool::hub
