#include "testing/eavesdropper.hpp"

#include "testing/evidence_checker.hpp"
#include "wire/messages.hpp"

namespace forgepool::testing {

void Eavesdropper::note(std::string_view text) {
  for (const char c : text) trace_ = (trace_ ^ static_cast<std::uint8_t>(c)) * 0x100000001b3u;
  trace_ = (trace_ ^ 0xff) * 0x100000001b3u;
}

void Eavesdropper::hub_started(Ledger& ledger) {
  note("hub " + std::to_string(ledger.head().size));
}

void Eavesdropper::granted(const Lease& lease) {
  ++leases_;
  note("granted " + lease.id.str() + lease.agent.str() + std::to_string(lease.shards.size()) +
       std::to_string(lease.shards.front()));
}

void Eavesdropper::lease_ended(const Lease& lease, bool finished) {
  note((finished ? "finished " : "lost ") + lease.id.str());
}

void Eavesdropper::answered(const ShardAnswer& answer) {
  note("answered " + to_string(answer.shard) + answer.agent.str() + answer.result.hex());
}

void Eavesdropper::decided(const ShardVerdict& verdict) {
  note("decided " + to_string(verdict.shard) + verdict.result.hex());
}

void Eavesdropper::caught(const Quarantine& quarantine) {
  note("caught " + quarantine.agent.str());
}

void Eavesdropper::committed(const LedgerBatch& batch, const LedgerHead& head) {
  note("committed " + std::to_string(batch.writes.size()) + "/" + std::to_string(head.size));
}

void Eavesdropper::requested(const Peer& peer, const Request& request) {
  note(peer.name + request.method + request.path);
  if (request.path != "/v1/agent/result") return;
  last_report_ = request.body;
  if (const auto report = wire::decode<wire::fb::LeaseResultT>(request.body))
    for (auto& shard : report->shards) outputs_.try_emplace(sha256(shard->output), shard->output);
}

void Eavesdropper::responded(const Peer& peer, const Request& request, const Response& response) {
  note(std::to_string(response.status) + request.path);
  if (request.path != "/v1/agent/lease" || response.body.empty() || response.status != 200) return;
  const auto agent = agent_of(peer);
  const auto grant = wire::decode<wire::fb::LeaseGrantT>(response.body);
  if (agent && grant) loot_.push_back({*agent, grant->token, grant->lease});
}

const Bytes* Eavesdropper::output(const Digest& digest) const {
  const auto found = outputs_.find(digest);
  return found == outputs_.end() ? nullptr : &found->second;
}

}  // namespace forgepool::testing
