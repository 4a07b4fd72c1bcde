#pragma once
/// A strict program, loaded into this process as it will find itself, but for what is a run's own. In the stem.
#include "sandbox/box_init/program.hpp"

#include <linux/filter.h>

namespace forgepool::sandbox::box_init {

/// Of its process, whatever the adapter's.
constexpr const char* program_name = "program";

struct StrictProgram {
  std::uint64_t entry;
  std::uint64_t stack;        ///< Where its stack pointer begins.
  std::uint8_t* random;       ///< The 16 bytes of AT_RANDOM.
  strict::ResourceLimit cpu;  ///< Its limit: the stem's own time does not count.
};

/// Memory at a fixed place.
void map_for_stem(std::uint64_t address, std::uint64_t size);

/// Throws this process's address space away, all but our part of it, and lays out the program and its world in place of it.
/// Signals that belong to the handlers are theirs from here on. To be called on the loader's stack.
StrictProgram load_strict_program(const PlanView& view);

/// The listener of the filter.
long install_filter(const sock_filter* filter, std::uint32_t length);

}  // namespace forgepool::sandbox::box_init
