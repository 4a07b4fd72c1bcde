#pragma once
/// The production SQLite ledger on a disk that keeps what was synced, and of the rest what it likes: SQLite runs on a VFS that
/// passes everything to the system's and remembers what is not durable yet. When the machine dies each unsynced write is there,
/// is not, or is there in some of its sectors; each unsynced truncation is there or not; in any combination.
#include <forgepool/testing/simulated_storage.hpp>

namespace forgepool::simulation {

/// In a directory of its own, which goes with it. One thread; the VFS is SQLite's default from the first call on, for files of
/// these directories alone.
std::unique_ptr<testing::SimulatedStorage> make_simulated_disk();

}  // namespace forgepool::simulation
