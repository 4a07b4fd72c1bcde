#pragma once
/// The system-call filter of strict programs: in front of the filter of ordinary ones, which decides what a program may do at
/// all, stands a part that decides what it may find out. Calls that would tell something about the machine or the moment are
/// trapped (SIGSYS, box_init/emulation/) or refused; what makes things happen at a time of their own, timers for one, is a
/// violation.
///
/// The handlers' own calls come from the gate, one instruction at a fixed address. From there, and only for the calls that the
/// handlers need, a call goes on to the ordinary filter. A program that jumps to the gate itself gets no further than an
/// ordinary one: it breaks its own determinism, and nothing else.
#include "sandbox/seccomp_policy.hpp"

namespace forgepool::sandbox::strict {

/// `ordinary` is the filter for the same relaxations, which are none.
SeccompProgram strict_filter(const SeccompProgram& ordinary);

/// The same with what stem_filter.hpp says in front.
SeccompProgram with_stem_calls(const SeccompProgram& strict);

}  // namespace forgepool::sandbox::strict
