#include "hub/endpoints.hpp"

#include "hub/responses.hpp"
#include "hub/routes.hpp"

namespace forgepool::hub {
namespace {

/// What names a job or an input in the path. What is not well-formed is nobody's: the handler says what is wrong with it.
HubCore::Subject subject_of(const Route& route) {
  HubCore::Subject subject;
  if (route.action == Action::read_job || route.action == Action::cancel_job || route.action == Action::hold_job ||
      route.action == Action::erase_job)
    subject.job = route.rest.substr(0, route.rest.find('/'));
  if (route.action == Action::upload_blob)
    if (const auto digest = Digest::parse(route.rest)) subject.blob = *digest;
  return subject;
}

}  // namespace

Endpoints::Endpoints(EventLoop& loop, WallClock& clock, HubCore& core, Committer& committer, std::shared_ptr<Ledger> ledger,
                     HubIdentity& identity, LogPublication& publication, PeerWork& work, Front& front, LogSink& log)
    : loop_(loop),
      clock_(clock),
      core_(core),
      committer_(committer),
      ledger_(std::move(ledger)),
      identity_(identity),
      publication_(publication),
      work_(work),
      front_(front),
      log_(log),
      disposal_(loop, core, committer, ledger_, identity, work, log, [this] { settle(); }) {}

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
  look_at_clock();
  const auto [path, query] = split_query(request.path);
  const auto route = route_of(request.method, path);
  if (!route)
    return refuse(peer, request, {ErrorKind::not_found, "endpoint_unknown: there is no such endpoint"}, std::move(respond));
  // Also on a connection that was good when it began.
  if (const auto admitted = core_.admit(peer, loop_.now(), core_.grace_for(route->action)); !admitted)
    return refuse(peer, request, admitted.error(), std::move(respond));
  if (const auto allowed = authorize(caller, route->action); !allowed)
    return refuse(peer, request, allowed.error(), std::move(respond));
  // Whatever it is about is this organization's: a caller of another one stops here.
  if (const auto allowed = authorize(caller, route->action, {core_.organization(), caller.owner()}); !allowed)
    return refuse(peer, request, allowed.error(), std::move(respond));

  // Who is in quarantine, or no longer enrolled, is asked nothing more: not even what it meant.
  if (caller.role == Role::agent)
    if (const auto admitted = core_.admit_agent(AgentId(caller.name), peer); !admitted)
      return refuse(peer, request, admitted.error(), std::move(respond));

  const Rule& rule = rule_for(route->action);
  Ticket ticket;
  LeaseId leased;
  if (rule.token == Token::any || rule.token == Token::once) {
    auto permitted = core_.check_permit(caller, peer, rule, request, subject_of(*route), loop_.now());
    if (!permitted) return refuse(peer, request, permitted.error(), std::move(respond));
    ticket = std::move(*permitted);
  } else if (rule.token == Token::lease) {
    auto lease = core_.leased_by(request.authorization, peer, rule.permit, loop_.now());
    if (!lease) return refuse(peer, request, lease.error(), std::move(respond));
    leased = std::move(*lease);
  }

  note_allowed(peer, route->action);

  switch (route->action) {
    case Action::read_health: read_health(caller, std::move(respond)); break;
    case Action::read_log_hashes:
    case Action::read_log: read_log(peer, request, route->rest, std::move(respond)); break;
    case Action::cosign: cosign(peer, request, std::move(respond)); break;
    case Action::take_lease: take_lease(caller, peer, request, std::move(respond)); break;
    case Action::heartbeat: heartbeat(caller, peer, request, std::move(respond)); break;
    case Action::report_result: report(caller, peer, request, leased, std::move(respond)); break;
    case Action::fetch_blob: fetch(caller, peer, request, route->rest, leased, std::move(respond)); break;
    case Action::submit_job: submit(caller, peer, request, ticket, std::move(respond)); break;
    case Action::upload_blob: upload(caller, peer, request, route->rest, ticket, std::move(respond)); break;
    case Action::forecast_job: forecast(caller, peer, request, std::move(respond)); break;
    case Action::cancel_job: cancel(caller, peer, request, route->rest, ticket, std::move(respond)); break;
    case Action::hold_job: hold(caller, peer, request, route->rest, ticket, std::move(respond)); break;
    case Action::erase_job: erase(caller, peer, request, route->rest, ticket, std::move(respond)); break;
    case Action::drain_agent: drain(peer, request, route->rest, std::move(respond)); break;
    case Action::hear_appeal: appeal(peer, request, route->rest, std::move(respond)); break;
    case Action::invite: invite(peer, request, std::move(respond)); break;
    case Action::read_job: read_job(caller, peer, route->rest, request, std::move(respond)); break;
    case Action::list_jobs: list_jobs(caller, std::move(respond)); break;
    case Action::list_agents: list_agents(std::move(respond)); break;
    case Action::read_posture: answer(std::move(respond), json_answer(core_.posture() + "\n")); break;
    case Action::list_organizations: list_organizations(std::move(respond)); break;
    case Action::take_token: take_token(caller, peer, request, std::move(respond)); break;
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

}  // namespace forgepool::hub
