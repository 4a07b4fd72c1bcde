#pragma once
/// The state of a strict program's world: its clock, its random numbers, what it believes of the system. One page in the
/// program's own memory, at strict::world_address: a program that changes it deceives only itself. Read and written by the
/// handlers (box_init/) and by the virtual vDSO. Usable without the standard library.
#include "sandbox/strict/layout.hpp"

namespace forgepool::sandbox::strict {

/// The clock stands at the first second of 2000, UTC. Files have this time, too.
constexpr std::int64_t epoch_s = 946'684'800;
/// The clocks that count from the machine's start.
constexpr std::int64_t uptime_s = 1000;
/// Time passes by being asked for, so that loops which wait for it end; and by sleeping.
constexpr std::uint64_t tick_ns = 1000;

/// As the kernel takes it.
struct SignalAction {
  std::uint64_t handler;
  std::uint64_t flags;
  std::uint64_t restorer;
  std::uint64_t mask;
};

struct SignalStack {
  std::uint64_t address;
  std::int32_t flags;
  std::int32_t unused;
  std::uint64_t size;
};

struct ResourceLimit {
  std::uint64_t soft;
  std::uint64_t hard;
};

/// A file, whatever its name.
struct FileIdentity {
  std::uint64_t device;
  std::uint64_t inode;
};

struct World {
  std::uint64_t now_ns;     ///< Since the program's start.
  std::uint64_t random[4];  ///< State of xoshiro256**.
  std::uint64_t heap_begin;
  std::uint64_t heap_end;
  std::uint64_t arena;            ///< The lowest address given out.
  std::uint64_t rewritten_count;  ///< Entries of the table at rewritten_address.
  std::uint32_t random_fds;       ///< Bit i: descriptor first_watched_fd + i stands for a random device.
  std::uint32_t output_pipes;     ///< How many of the next two are known.
  FileIdentity outputs[2];        ///< The pipes of standard output and error.
  FileIdentity random_files[2];   ///< /dev/urandom and /dev/random.
  std::uint64_t hidden_mask;      ///< Of the signals that the program may not block: those that it believes to block.
  SignalAction actions[65];       ///< By signal, what the program wants done.
  SignalStack signal_stack;       ///< The program's.
  std::uint64_t kept_states;      ///< How often the processor's state was kept for a handler of the program's.
  std::uint64_t recovering;       ///< A fault of the handlers' own is not the program's: it goes on at `recovery`.
  void* recovery[5];
  ResourceLimit limits[16];
};
static_assert(sizeof(World) <= page_size);

inline World& world() {
  return *reinterpret_cast<World*>(world_address);
}

/// Seconds that clock `id` is ahead of the time since the start. False if there is no such clock.
inline bool clock_base(long id, std::int64_t& base_s) {
  switch (id) {
    case 0:
    case 5:
    case 8:
    case 11: base_s = epoch_s; return true;  // realtime, _coarse, _alarm, TAI
    case 1:
    case 4:
    case 6:
    case 7:
    case 9: base_s = uptime_s; return true;  // monotonic, _raw, _coarse, boottime, _alarm
    case 2:
    case 3: base_s = 0; return true;  // CPU time of process and thread
    default: return false;
  }
}

/// One look at the clock.
inline std::uint64_t look_at_clock() {
  return world().now_ns += tick_ns;
}

constexpr std::uint64_t ns_per_s = 1'000'000'000;

}  // namespace forgepool::sandbox::strict
