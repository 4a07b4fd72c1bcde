/// The hub's lives: each opens the ledger as the disk kept it.
#include "testing/production_parts.hpp"
#include "testing/simulated_pool.hpp"
#include "testing/watched_parts.hpp"

#include <forgepool/backends/memory_transport.hpp>

namespace forgepool::testing {

using namespace std::chrono_literals;

/// Commits take time, and are watched. Once the machine is dead nothing is left of the ledger but this object, which whatever
/// was under way may still hold.
class SimulatedPool::HubLedger final : public Ledger {
 public:
  HubLedger(SimulatedPool& pool, Organization& organization)
      : pool_(pool),
        watchers_(organization.watchers),
        open_(organization.ledger),
        origin_((*open_)->origin()),
        key_((*open_)->key()) {}

  const std::string& origin() const override { return origin_; }
  const PublicKey& key() const override { return key_; }
  Result<LedgerHead> commit(const LedgerBatch& batch) override {
    if (!*open_) {
      ++pool_.faults_["lost commits"];
      return dead();
    }
    pool_.loop_.spend(pool_.up_to(pool_.options_.faults.max_commit));
    watchers_.commit_begun(batch);
    auto head = (*open_)->commit(batch);
    if (head) watchers_.committed(batch, *head);
    return head;
  }
  Status scrub() override {
    if (!*open_) return dead();
    return (*open_)->scrub();
  }
  LedgerHead head() const override { return *open_ ? (*open_)->head() : LedgerHead(); }
  Result<std::string> checkpoint() override { return *open_ ? (*open_)->checkpoint() : dead(); }
  Result<Bytes> leaf(std::uint64_t index) const override { return *open_ ? (*open_)->leaf(index) : dead(); }
  Result<std::vector<Bytes>> leaves(std::uint64_t first, std::size_t count) const override {
    return *open_ ? (*open_)->leaves(first, count) : dead();
  }
  Result<Bytes> hash_tile(unsigned level, std::uint64_t index, std::size_t width) const override {
    return *open_ ? (*open_)->hash_tile(level, index, width) : dead();
  }
  Result<MerklePath> prove_inclusion(std::uint64_t index, std::uint64_t size) const override {
    return *open_ ? (*open_)->prove_inclusion(index, size) : dead();
  }
  Result<MerklePath> prove_consistency(std::uint64_t old_size, std::uint64_t size) const override {
    return *open_ ? (*open_)->prove_consistency(old_size, size) : dead();
  }
  Result<std::optional<Bytes>> read(std::string_view key) const override { return *open_ ? (*open_)->read(key) : dead(); }
  Status scan(std::string_view prefix, const std::function<bool(std::string_view, ByteView)>& visit) const override {
    return *open_ ? (*open_)->scan(prefix, visit) : dead();
  }

 private:
  static tl::unexpected<Error> dead() { return fail(ErrorKind::internal, "fault injected: the machine is dead"); }

  SimulatedPool& pool_;
  PoolWatchers& watchers_;
  const std::shared_ptr<std::unique_ptr<Ledger>> open_;
  const std::string origin_;
  const PublicKey key_;
};

void SimulatedPool::add_organizations() {
  const std::uint32_t count = std::max(1u, options_.organizations);
  for (std::uint32_t i = 0; i < count; ++i) {
    // As the default hub names them: agents see the trust domain, and learn nothing from it.
    const std::string domain = i == 0 ? "simulated.pool" : "o-" + std::to_string(i) + ".simulated.pool";
    organizations_.push_back(std::make_unique<Organization>(
        Organization{i == 0 ? "" : "organization-" + std::to_string(i) + "-of-" + std::to_string(options_.seed),
                     make_hub_identity(domain, loop_.now()).value(),
                     options_.storage ? options_.storage() : make_memory_storage(), LedgerChecker(domain, violations_)}));
    Organization& made = *organizations_.back();
    for (PoolWatcher* watcher :
         {static_cast<PoolWatcher*>(&eavesdropper_), static_cast<PoolWatcher*>(&evidence_), static_cast<PoolWatcher*>(&leases_),
          static_cast<PoolWatcher*>(&grants_), static_cast<PoolWatcher*>(&made.checker)})
      made.watchers.add(*watcher);
    watchers_.add(made.checker);
    truth_.organizations.push_back({domain, {}});
    if (i == 0) continue;
    truth_.organizations.back().names.insert(made.name);
    truth_.secret_names.insert(made.name);
  }
}

void SimulatedPool::start_hub() {
  if (hub_) return;
  HubParts parts;
  for (auto& one : organizations_) {
    auto ledger = one->storage->open(one->identity.trust_domain, one->identity.log_key);
    if (!ledger) return violations_.add("ledger", "it cannot be opened after a crash: " + ledger.error().message);
    one->ledger = std::make_shared<std::unique_ptr<Ledger>>(std::move(*ledger));
    OrganizationParts made{
        one->name, one->identity, watch(options_.scheduler ? options_.scheduler() : production_scheduler(), one->watchers),
        watch(options_.verifier ? options_.verifier() : production_verifier(options_.canary_ratio), one->watchers),
        std::make_unique<HubLedger>(*this, *one)};
    if (one == organizations_.front()) {
      parts.scheduler = std::move(made.scheduler);
      parts.verifier = std::move(made.verifier);
      parts.ledger = std::move(made.ledger);
    } else {
      parts.organizations.push_back(std::move(made));
    }
  }
  parts.transport = watch(make_memory_transport(loop_, network_), watchers_);
  parts.adapters = {adapter_};
  parts.random = [this](std::span<std::uint8_t> bytes) {
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(hub_random_.next() >> 32);
  };
  HubOptions options;
  options.port = 1;
  options.enrolment_port = 2;
  options.certificate_life = 24h * 30;
  options.on_fatal = [this, life = hub_lives_ + 1](const Error&) {
    // The hub stopped; whoever runs it looks after it. Not from inside its own call.
    later(0ns, [this, life] {
      if (life == hub_lives_) hub_is_down(up_to(options_.faults.max_hub_downtime));
    });
  };
  ++hub_lives_;
  for (auto& one : organizations_) one->watchers.hub_started(**one->ledger);
  auto hub = open_hub(loop_, organizations_.front()->identity, std::move(parts), std::move(options));
  if (!hub) return violations_.add("ledger", "the hub does not come back from its own state: " + hub.error().message);
  hub_ = std::move(*hub);
}

void SimulatedPool::kill_hub() {
  for (auto& one : organizations_) one->storage->crash(random_);
  hub_.reset();
  for (auto& one : organizations_) one->ledger->reset();
  watchers_.hub_died();
}

void SimulatedPool::hub_is_down(Duration downtime) {
  if (!hub_) return;
  kill_hub();
  later(downtime, [this] {
    for (auto& one : organizations_) one->storage->set_full(false);
    start_hub();
  });
}

}  // namespace forgepool::testing
