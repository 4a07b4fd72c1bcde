/// Leases, heartbeats, blobs and results: the endpoints of agents.
#include "hub/endpoints.hpp"
#include "hub/responses.hpp"

namespace forgepool::hub {

void Endpoints::take_lease(const Caller& caller, const Peer& peer, const Request& request, Responder respond) {
  const auto ask = wire::decode<wire::fb::LeaseAskT>(request.body);
  if (!ask) return refuse(peer, request, ask.error(), std::move(respond));
  if (closed_) return answer(std::move(respond), nothing());
  const AgentId id(caller.name);
  const Time now = loop_.now();
  if (!ask->numeric_class.empty())
    if (const auto noted = core_.measured_numeric_class(id, ask->numeric_class); !noted)
      return refuse(peer, request, noted.error(), std::move(respond));
  if (const auto noted = core_.offered_sandbox(id, *ask); !noted)
    return refuse(peer, request, noted.error(), std::move(respond));
  if (const auto close = core_.told_clock(id, ask->clock_ms, now); !close)
    return refuse(peer, request, close.error(), std::move(respond));
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
  waiting_agents_.push_back({id, peer, ask->max_shards, std::move(respond), loop_.steady() + bounded_wait(ask->wait_ms)});
}

void Endpoints::heartbeat(const Caller& caller, const Peer& peer, const Request& request, Responder respond) {
  const auto message = wire::decode<wire::fb::HeartbeatT>(request.body);
  if (!message) return refuse(peer, request, message.error(), std::move(respond));
  const auto reply = core_.heartbeat(AgentId(caller.name), peer, *message, loop_.now());
  if (!reply) return refuse(peer, request, reply.error(), std::move(respond));
  answer(std::move(respond), ok(wire::encode(*reply)));
}

void Endpoints::report(const Caller& caller, const Peer& peer, const Request& request, const LeaseId& leased,
                       Responder respond) {
  const auto message = wire::decode<wire::fb::LeaseResultT>(request.body);
  if (!message) return refuse(peer, request, message.error(), std::move(respond));
  const auto taken = core_.report(AgentId(caller.name), peer, leased, *message, loop_.now());
  if (!taken) return refuse(peer, request, taken.error(), std::move(respond));
  answer(std::move(respond), ok(wire::encode(*taken)));
}

void Endpoints::fetch(const Caller& caller, const Peer& peer, const Request& request, std::string_view text,
                      const LeaseId& leased, Responder respond) {
  const auto digest = Digest::parse(text);
  if (!digest) return refuse(peer, request, digest.error(), std::move(respond));
  if (const auto allowed = core_.may_fetch(AgentId(caller.name), leased, *digest); !allowed)
    return refuse(peer, request, allowed.error(), std::move(respond));
  if (const auto adapter = core_.adapter(*digest)) return answer(std::move(respond), ok(adapter->bytes()));
  const auto sealed = ledger_->read(core_.input_place(*digest));
  if (!sealed || !*sealed)
    return refuse(peer, request, {ErrorKind::internal, "the hub cannot read this blob"}, std::move(respond));
  auto input = core_.open_input(*digest, **sealed);
  if (!input) return refuse(peer, request, input.error(), std::move(respond));
  answer(std::move(respond), ok(std::move(*input)));
}

}  // namespace forgepool::hub
