#include "sandbox/box_init/emulation/emulation.hpp"

namespace forgepool::sandbox::box_init {

long emulate(const TrappedCall& call) {
  // Not a table: a program at so high an address has no room for relocations, and needs none this way.
  long result = emulate_time(call);
  if (result == not_ours) result = emulate_memory(call);
  if (result == not_ours) result = emulate_descriptors(call);
  if (result == not_ours) result = emulate_files(call);
  if (result == not_ours) result = emulate_signals(call);
  if (result == not_ours) result = emulate_system(call);
  if (result == not_ours) result = emulate_waiting(call);
  return result == not_ours ? -no_such_call : result;
}

}  // namespace forgepool::sandbox::box_init
