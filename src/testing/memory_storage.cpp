#include <forgepool/testing/simulated_storage.hpp>

#include <forgepool/backends/memory_ledger.hpp>

namespace forgepool::testing {
namespace {

/// What the lives of the hub have in common.
struct Disk {
  std::unique_ptr<Ledger> ledger;
  std::uint64_t life = 0;
  std::uint64_t injected = 0;
  bool full = false;
  std::optional<bool> dying;  // In the next commit: whether it is there afterwards.
};

/// The disk as one life of the hub has it open.
class OpenDisk final : public Ledger {
 public:
  explicit OpenDisk(std::shared_ptr<Disk> disk) : disk_(std::move(disk)), life_(disk_->life) {}

  const std::string& origin() const override { return disk_->ledger->origin(); }
  const PublicKey& key() const override { return disk_->ledger->key(); }
  Result<LedgerHead> commit(const LedgerBatch& batch) override {
    if (life_ == disk_->life && !disk_->full && !disk_->dying) return disk_->ledger->commit(batch);
    ++disk_->injected;
    if (life_ == disk_->life && !disk_->full && *std::exchange(disk_->dying, std::nullopt))
      disk_->ledger->commit(batch).value();
    return fail(ErrorKind::internal, disk_->full ? "fault injected: the disk is full" : "fault injected: the machine died");
  }
  Status scrub() override { return disk_->ledger->scrub(); }
  LedgerHead head() const override { return disk_->ledger->head(); }
  Result<std::string> checkpoint() override { return disk_->ledger->checkpoint(); }
  Result<Bytes> leaf(std::uint64_t index) const override { return disk_->ledger->leaf(index); }
  Result<std::vector<Bytes>> leaves(std::uint64_t first, std::size_t count) const override {
    return disk_->ledger->leaves(first, count);
  }
  Result<Bytes> hash_tile(unsigned level, std::uint64_t index, std::size_t width) const override {
    return disk_->ledger->hash_tile(level, index, width);
  }
  Result<MerklePath> prove_inclusion(std::uint64_t index, std::uint64_t size) const override {
    return disk_->ledger->prove_inclusion(index, size);
  }
  Result<MerklePath> prove_consistency(std::uint64_t old_size, std::uint64_t size) const override {
    return disk_->ledger->prove_consistency(old_size, size);
  }
  Result<std::optional<Bytes>> read(std::string_view key) const override { return disk_->ledger->read(key); }
  Status scan(std::string_view prefix, const std::function<bool(std::string_view, ByteView)>& visit) const override {
    return disk_->ledger->scan(prefix, visit);
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
