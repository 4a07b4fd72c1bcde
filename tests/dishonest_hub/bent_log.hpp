#pragma once
/// A log that the hub writes anew with its own key: the leaves of the true one, but for what it would rather have there.
#include "pool.hpp"
#include "wire/bundle.hpp"

#include <forgepool/tiled_log.hpp>

namespace forgepool::test {

std::vector<Bytes> leaves_of(const Ledger& ledger);
/// As a reader of the log gets it.
LogFetch fetch_from(const Ledger& ledger);

/// What the hub has after a job: its bundle, and the log it is in. Both can be changed; `document` signs them again.
struct BentJob {
  HubIdentity hub;
  std::vector<Bytes> leaves;
  wire::Bundle bundle;

  BentJob(const HubIdentity& identity, const Ledger& ledger, std::string_view document);
  /// The log as it is here, under the hub's own key.
  std::unique_ptr<Ledger> log() const;
  /// The bundle with proofs and checkpoint of that log. What stands where is by the positions' indices.
  std::string document() const;
  /// Says something else in an event: in the bundle and in the log.
  void restate(const std::string& kind, const std::string& from, const std::string& to);
};

/// Two agents' job of four shards, done. The contract includes neither result nor outputs.
struct DoneJob {
  Pool pool;
  std::vector<std::unique_ptr<Pool::Member>> agents;
  JobId id;
  std::string bundle;

  DoneJob();
  const HubIdentity& hub() const { return pool.identity(Pool::own); }
  const Ledger& ledger() { return *pool.home(Pool::own).ledger; }
  std::string root() const { return make_trusted_root(hub()); }
};

}  // namespace forgepool::test
