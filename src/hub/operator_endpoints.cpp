/// The pool and its agents, as operators see and steer them.
#include "hub/endpoints.hpp"
#include "hub/responses.hpp"
#include "wire/job_messages.hpp"
#include "wire/json.hpp"

namespace forgepool::hub {

void Endpoints::list_agents(Responder respond) {
  wire::fb::AgentListT list;
  for (const auto& agent : core_.agents(loop_.now()))
    list.agents.push_back(std::make_unique<wire::fb::AgentInfoT>(wire::to_wire(agent)));
  answer(std::move(respond), ok(wire::encode(list)));
}

void Endpoints::list_organizations(Responder respond) {
  wire::fb::OrganizationListT list;
  for (const auto& organization : front_.organizations())
    list.organizations.push_back(std::make_unique<wire::fb::OrganizationInfoT>(wire::to_wire(organization)));
  answer(std::move(respond), ok(wire::encode(list)));
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
  const Appeal appeal{*job, message->shard, wire::from_wire(*message->replayed)};
  const auto respond_shared = std::make_shared<Responder>(std::move(respond));
  committer_.after(core_.effects().take(), [this, peer, asked = Request{request.method, request.path, {}, {}}, id = *id, appeal,
                                            respond_shared] {
    auto verdict = std::make_shared<Result<std::optional<Bytes>>>();
    const bool taken = work_.run(
        peer, [verdict, ledger = ledger_, place = verdict_key(appeal.job, appeal.shard)] { *verdict = ledger->read(place); },
        [this, peer, asked, id, appeal, verdict, respond_shared] {
          const auto agent = *verdict ? core_.appeal(id, appeal, **verdict, loop_.now()) : fail(verdict->error());
          if (!agent)
            decline(peer, asked, agent.error(), std::move(*respond_shared));
          else
            answer(std::move(*respond_shared), ok(wire::encode(wire::to_wire(*agent))));
          settle();
        });
    if (!taken) decline(peer, asked, too_much_waits(), std::move(*respond_shared));
  });
}

void Endpoints::read_health(const Caller& caller, Responder respond) {
  const auto unhealthy = core_.unhealthy(loop_.now());
  json::Object health{{"ledger_size", ledger_->head().size},
                      {"status", unhealthy.empty() ? "ok" : "degraded"},
                      {"unhealthy_agents", unhealthy.size()}};
  // Which ones is for those who may list them.
  if (authorize(caller, Action::list_agents)) {
    json::Array agents;
    for (const auto& agent : unhealthy) agents.push_back(json::Object{{"agent", agent.id.str()}, {"reason", agent.reason}});
    health.set("agents", std::move(agents));
  }
  answer(std::move(respond), json_answer(json::canonicalize(std::move(health)) + "\n"));
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

}  // namespace forgepool::hub
