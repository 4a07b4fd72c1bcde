#pragma once
/// A whole job, made step by step in memory with real keys, ledger, adapter and statements, and turned into a bundle. A test
/// tells it honestly, or as a dishonest hub or agent would, with everything signed: only what is told can give the lie away.
#include "identity/receipt.hpp"
#include "identity/verdict.hpp"
#include "wire/bundle.hpp"
#include "wire/json.hpp"

#include <forgepool/adapter.hpp>
#include <forgepool/audit.hpp>
#include <forgepool/credentials.hpp>
#include <forgepool/ledger.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

namespace forgepool::testing {

/// The moment at which stories happen.
Time story_time();

/// A package whose program does nothing: `tally@1` with the profile `tally.v1`, which takes `items` and cuts them in twos. Its
/// shards output how many items they have, which the reducer adds up. The profile `data.v1` also takes `data`, the digest of an
/// input.
const Bytes& tally_package();
/// What a shard of `items` items outputs.
Bytes tally_output(std::uint64_t items);

/// What a shard of `samples.v1` (1,000 items each, compared statistically) outputs: that many samples of 10, the others of 20.
Bytes sample_output(std::uint64_t items, std::uint64_t of_ten);

/// One agent's answer, as evidence names it.
struct Named {
  std::string agent, lease;
  Bytes output;
};

class Story {
 public:
  /// A contract of five items (three shards; of other items, half as many) under this policy, with result and outputs in the
  /// bundle. `members` stand in the contract in place of those that it would have.
  explicit Story(const json::Object& policy = {{"verify", "full"}, {"replicas", 2}}, const std::string& profile = "tally.v1",
                 const json::Object& args = {{"items", 5}}, const json::Object& members = {});

  // --- the pool
  HubIdentity hub;
  std::map<std::string, Credentials> agents;  ///< alice, bob, carol, mallory.
  std::string root() const { return make_trusted_root(hub); }

  // --- the computation
  JobId job{"job-1"};
  std::string pseudonym = "w-1";
  Digest contract_salt = sha256("salt of the contract");
  Contract contract;
  std::shared_ptr<const AdapterPackage> adapter;
  Plan plan;
  Bytes right(std::uint32_t shard) const {
    if (samples_) return sample_output(shard == 2 ? 500 : 1000, shard == 2 ? 250 : 500);
    return tally_output(std::min<std::uint64_t>(2, items_ - 2 * shard));
  }
  static Bytes wrong(std::uint32_t shard) { return tally_output(shard == 2 ? 2 : 1); }

  // --- steps; each is a leaf of the ledger
  void event(const std::string& kind, const json::Object& content);
  void contract_event();
  void plan_event();
  /// Part of `plan_event`.
  void residency_event(const std::string& hub_region = "");
  /// And the artifacts.
  void result_event();
  /// Of the result and the outputs, as they are.
  void artifact_events();
  /// Under the key that it has. The first lease of an agent enrols it if that was not told before.
  void enrol(const std::string& agent);
  /// Its next lease does not enrol it.
  void enrol_later(const std::string& agent) { enrolled_.insert(agent); }
  void lease(const std::string& agent, const std::string& lease, const std::vector<std::uint32_t>& shards);
  /// `wrong(shard)` for `right(shard)`, unless other digests are given.
  void quarantine(const std::string& agent, std::uint32_t shard);
  /// The next receipt for it does not grant it.
  void grant_later(const std::string& lease) { granted_.insert(lease); }
  /// Grants the lease first, unless that was told already. `edit` changes the receipt before it is signed.
  void receipt(const std::string& agent, const std::string& lease, const std::map<std::uint32_t, Bytes>& outputs,
               const std::function<void(identity::Receipt&)>& edit = {});
  void verdict(std::uint32_t shard, const Bytes& accepted, const std::vector<Named>& evidence,
               const std::function<void(identity::Verdict&)>& edit = {});
  /// Takes the last verdict out of the bundle; its leaf stays in the ledger.
  void forget_last_verdict() { bundle_.verdicts.pop_back(); }

  /// Everything that `tell` does, in its order: three shards, each computed by alice and bob; mallory lies about the last and
  /// is caught.
  void tell_until_verdicts();
  void tell_verdicts();
  void tell() {
    tell_until_verdicts();
    tell_verdicts();
    result_event();
  }

  // --- the bundle
  std::string result;
  Ledger& ledger() { return *ledger_; }
  wire::Bundle bundle() const { return bundle(*ledger_->checkpoint(), ledger_->head().size); }
  /// With an older checkpoint, of `size` leaves, and proofs for it of what was in the ledger then.
  wire::Bundle bundle(const std::string& checkpoint, std::uint64_t size) const;
  std::string sign(const wire::Bundle& bundle) const;
  std::string document() const { return sign(bundle()); }
  Result<AuditReport> verify() const { return verify_bundle(document(), root()); }

  std::string agent_region, agent_tier = "public";  ///< What agents are attested to be that enrol from now on.
  std::map<std::string, std::string> operators;     ///< Of agents that enrol from now on; others have none.
  /// Signs verdicts; a test changes it to forge them.
  std::shared_ptr<Signer> verdict_key;

 private:
  std::uint64_t append(Bytes leaf);
  void tell_apart(std::vector<wire::BundleEvent>& where, const std::string& kind, std::string content);
  wire::BundleStatement state(std::string_view payload, const Signer& key, std::vector<Bytes> chain);

  std::unique_ptr<Ledger> ledger_;
  wire::Bundle bundle_;
  std::set<std::string> granted_;
  std::set<std::string> enrolled_;
  std::vector<wire::BundleEvent> enrolments_, leases_;  // Stand after the other events, so that tests can name those by number.
  std::uint8_t next_salt_ = 1;
  bool samples_ = false;
  std::uint64_t items_ = 5;
};

}  // namespace forgepool::testing
