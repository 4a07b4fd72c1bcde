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
  std::vector<Number> left;
  for (auto [entry, last] = waits_of_agent_.equal_range(id); entry != last; ++entry)
    if (waiting_agents_.at(entry->second).peer.address != peer.address) left.push_back(entry->second);
  for (const Number number : left) answer(leave(waiting_agents_.find(number)).respond, nothing());
  auto lease = core_.take_lease(id, peer, ask->max_shards, true, now);
  if (!lease) return refuse(peer, request, lease.error(), std::move(respond));
  if (*lease) return answer(std::move(respond), ok(wire::encode(**lease)));
  if (ask->wait_ms == 0) return answer(std::move(respond), nothing());
  wait(WaitingAgent{id, peer, ask->max_shards, std::move(respond)}, loop_.steady() + bounded_wait(ask->wait_ms));
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
  if (const auto adapter = core_.adapter(*digest))
    return work_.answer(peer, std::move(respond), [adapter] { return ok(adapter->bytes()); });
  const auto key = core_.input_content_key(*digest);
  if (!key) return refuse(peer, request, key.error(), std::move(respond));
  work_.answer(peer, std::move(respond), [ledger = ledger_, key = *key, place = core_.input_place(*digest)] {
    const auto sealed = ledger->read(place);
    if (!sealed || !*sealed) return failure(coded({ErrorKind::internal, "the hub cannot read this blob"}));
    auto input = key->open(place, **sealed);
    return input ? ok(std::move(*input)) : failure(coded(input.error()));
  });
}

}  // namespace forgepool::hub
