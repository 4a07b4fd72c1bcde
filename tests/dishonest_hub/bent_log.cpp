#include "bent_log.hpp"

#include <forgepool/backends/memory_ledger.hpp>

namespace forgepool::test {

std::vector<Bytes> leaves_of(const Ledger& ledger) {
  return must(ledger.leaves(0, ledger.head().size));
}

LogFetch fetch_from(const Ledger& ledger) {
  return [&ledger](const std::string& path) -> Result<Bytes> {
    const auto resource = parse_log_path(path);
    if (!resource) return fail(resource.error());
    if (resource->entries) return fail(ErrorKind::denied, "agents read hashes only");
    return ledger.hash_tile(resource->level, resource->index, resource->width);
  };
}

BentJob::BentJob(const HubIdentity& identity, const Ledger& ledger, std::string_view document)
    : hub(identity), leaves(leaves_of(ledger)), bundle(must(wire::read_bundle(document)).bundle) {}

std::unique_ptr<Ledger> BentJob::log() const {
  auto ledger = must(make_memory_ledger(hub.trust_domain, hub.log_key));
  must(ledger->commit({leaves, {}}));
  return ledger;
}

std::string BentJob::document() const {
  const auto ledger = log();
  wire::Bundle told = bundle;
  const auto prove = [&](wire::LogPosition& position) {
    position.path = must(ledger->prove_inclusion(position.index, ledger->head().size));
  };
  for (auto& event : told.events) prove(event.position);
  for (auto& receipt : told.receipts) prove(receipt.position);
  for (auto& verdict : told.verdicts) prove(verdict.position);
  told.checkpoint = must(ledger->checkpoint());
  return wire::write_bundle(told, must(hub.tls.key->sign(as_bytes(wire::bundle_body(told)))));
}

void BentJob::restate(const std::string& kind, const std::string& from, const std::string& to) {
  for (auto& event : bundle.events) {
    const auto at = event.kind == kind ? event.content.find(from) : std::string::npos;
    if (at == std::string::npos) continue;
    event.content.replace(at, from.size(), to);
    leaves.at(event.position.index) = wire::event_leaf(event.kind, event.salt, event.content);
    return;
  }
  FAIL("there is no such event");
}

DoneJob::DoneJob() {
  for (int i = 0; i < 2; ++i) agents.push_back(pool.start_agent(Pool::own));
  Client& client = pool.operator_of(Pool::own);
  id = must(pool.call<JobStatus>([&](auto done) { client.submit(Pool::contract(4, "", 2), done); })).id;
  const auto end = must(pool.call<JobStatus>([&](auto done) { client.wait(id, nullptr, done); }));
  REQUIRE(end.state == JobState::done);
  bundle = must(pool.call<std::string>([&](auto done) { client.bundle(id, done); }));
}

}  // namespace forgepool::test
