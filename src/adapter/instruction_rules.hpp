#pragma once
/// Which instructions give results that depend on the machine or the moment although no sandbox can come between, and in which
/// library functions they do no harm.
///
/// Not in here, because they are trapped or refused elsewhere: system calls in all their forms (the system-call filter), rdtsc
/// and rdtscp (PR_SET_TSC), and privileged instructions (they fault everywhere).
#include <Zydis/Zydis.h>

#include <string_view>

namespace forgepool::adapter {

enum class Unfixed {
  randomness,     ///< The processor's random numbers.
  identity,       ///< What the processor is, which one of several runs the program, and what the kernel has set up on it.
  counters,       ///< Performance counters and clocks that PR_SET_TSC does not cover.
  transaction,    ///< Whether a transaction commits is chance.
  wait,           ///< Tells how long it waited.
  hypervisor,     ///< Answered, or not, by what the machine runs on.
  state,          ///< Stores registers in a layout that depends on the processor.
  approximation,  ///< Approximate results that makers of processors round differently.
};
/// "the processor's random numbers", …
std::string_view describe(Unfixed reason);

/// Null for an instruction whose result follows from its operands.
const Unfixed* unfixed(ZydisMnemonic mnemonic);

/// Whether `symbol` is a function of glibc that uses instructions of this kind without letting the program see more than which
/// of several equivalent functions was chosen. Judged by name alone: the scan is there for mistakes. Who lies about determinism
/// is found out by the replicas.
bool is_known_harmless(std::string_view symbol, Unfixed reason);

}  // namespace forgepool::adapter
