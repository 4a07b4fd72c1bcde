#include <forgepool/testing/simulated_storage.hpp>

#include <forgepool/backends/memory_ledger.hpp>
#include <forgepool/testing/forwarding_ledger.hpp>

namespace forgepool::testing {
namespace {

/// What the lives of the hub have in common.
struct Disk {
  std::shared_ptr<Ledger> ledger;
  std::uint64_t life = 0;
  std::uint64_t injected = 0;
  bool full = false;
  std::optional<bool> dying;  // In the next commit: whether it is there afterwards.
};

/// The disk as one life of the hub has it open.
class OpenDisk final : public ForwardingLedger {
 public:
  explicit OpenDisk(std::shared_ptr<Disk> disk) : ForwardingLedger(disk->ledger), disk_(std::move(disk)), life_(disk_->life) {}

  Result<LedgerHead> commit(const LedgerBatch& batch) override {
    if (life_ == disk_->life && !disk_->full && !disk_->dying) return ForwardingLedger::commit(batch);
    ++disk_->injected;
    if (life_ == disk_->life && !disk_->full && *std::exchange(disk_->dying, std::nullopt))
      ForwardingLedger::commit(batch).value();
    return fail(ErrorKind::internal, disk_->full ? "fault injected: the disk is full" : "fault injected: the machine died");
  }

 private:
  const std::shared_ptr<Disk> disk_;
  const std::uint64_t life_;
};

class MemoryStorage final : public SimulatedStorage {
 public:
  Result<std::unique_ptr<Ledger>> open(const std::string& origin, const std::shared_ptr<Signer>& key) override {
    if (!disk_->ledger) {
      auto ledger = make_memory_ledger(origin, key);
      if (!ledger) return ledger;
      disk_->ledger = std::move(*ledger);
    }
    return std::make_unique<OpenDisk>(disk_);
  }
  void crash(Random&) override {
    ++disk_->life;
    disk_->dying.reset();
  }
  void die_in_next_commit(std::uint64_t seed) override { disk_->dying = Random(seed).chance(0.5); }
  void set_full(bool full) override { disk_->full = full; }
  std::uint64_t injected() const override { return disk_->injected; }

 private:
  const std::shared_ptr<Disk> disk_ = std::make_shared<Disk>();
};

}  // namespace

std::unique_ptr<SimulatedStorage> make_memory_storage() {
  return std::make_unique<MemoryStorage>();
}

}  // namespace forgepool::testing
