#pragma once
/// What instructions can let a program find out although no sandbox can come between.
#include <string_view>

namespace forgepool::machine_code {

enum class Unfixed {
  randomness,     ///< The processor's random numbers.
  identity,       ///< What the processor is, which one of several runs the program, and what the kernel has set up on it.
  time,           ///< The processor's clock.
  counters,       ///< Performance counters, and clocks that only some processors have.
  transaction,    ///< Whether a transaction commits is chance.
  wait,           ///< Tells how long it waited.
  hypervisor,     ///< Answered, or not, by what the machine runs on.
  state,          ///< Stores registers in a layout that depends on the processor.
  approximation,  ///< Approximate results that makers of processors round differently.
};
/// "the processor's random numbers", …
std::string_view describe(Unfixed reason);

/// Whether `symbol` is a function of glibc with instructions of this kind that no static program executes in a world whose
/// processor has not got them. Judged by name alone: this is there for mistakes. Where such an instruction is executed all the
/// same the program ends, and ends so everywhere.
bool is_never_reached(std::string_view symbol, Unfixed reason);

}  // namespace forgepool::machine_code
