#pragma once
/// Signals of the program's own. The kernel's frame for a handler has in it whatever state the processor has, so where the
/// handler would stand, and what it would see, differs between machines. So every signal that the program handles comes to us
/// first, on the handlers' stack; we write a frame of one form to the program's stack, have the kernel go on in the program's
/// handler, and are asked again when that returns. While the program's handler runs, nothing of ours does.
#include "sandbox/box_init/emulation/context.hpp"

namespace forgepool::sandbox::box_init {

/// What the kernel calls for every signal that the program handles, and for those that the handlers need.
void deliver(std::int64_t signal, Info* info, Context* context);

/// rt_sigreturn, by a handler of the program's.
void return_from_delivery(Context* context);

/// The kernel's result of having `deliver` called for this signal.
long install_delivery(long signal);

/// `0`, or -EFAULT if the function touched memory that is not there. Not to be nested.
template <class Function>
long guarded(Function function) {
  auto& world = strict::world();
  if (__builtin_setjmp(world.recovery) != 0) {
    world.recovering = 0;
    return -14;
  }
  world.recovering = 1;
  function();
  world.recovering = 0;
  return 0;
}

/// Does not return where a fault happened within `guarded`.
void recover_from_fault(const Context& context);

}  // namespace forgepool::sandbox::box_init
