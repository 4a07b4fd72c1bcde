#pragma once
/// The disk of a simulated hub: what it keeps when its machine dies. The simulator opens a ledger on it for every life of the
/// hub, and lets it die at any moment.
#include <forgepool/ledger.hpp>
#include <forgepool/testing/random.hpp>

namespace forgepool::testing {

/// Everything on the simulation's one thread.
class SimulatedStorage {
 public:
  virtual ~SimulatedStorage() = default;

  /// The ledger as it is on the disk; a new one the first time. One at a time: `crash` ends the one before.
  virtual Result<std::unique_ptr<Ledger>> open(const std::string& origin, const std::shared_ptr<Signer>& key) = 0;
  /// The machine dies now. What was written and not made durable survives in part, as the generator says. The ledger opened
  /// before must change nothing any more; it is destroyed next.
  virtual void crash(Random& random) = 0;
  /// The machine dies in the middle of the next commit, which fails. `crash` comes right after.
  virtual void die_in_next_commit(std::uint64_t seed) = 0;
  /// While it is full, every commit fails with `internal`.
  virtual void set_full(bool full) = 0;
  /// Faults injected so far: writes lost, writes torn, commits refused.
  virtual std::uint64_t injected() const = 0;
};

/// Keeps a memory_ledger through crashes. A commit that was not begun when the machine dies is lost as a whole; one that was
/// under way is there as a whole or not at all, which is what a ledger promises of its store.
FORGEPOOL_API std::unique_ptr<SimulatedStorage> make_memory_storage();

}  // namespace forgepool::testing
