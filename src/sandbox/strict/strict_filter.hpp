#pragma once
/// The system-call filter of strict programs, made from call_table.hpp. What a call would tell about the machine or the moment
/// is trapped (SIGSYS, box_init/emulation/) or refused; what makes things happen at a time of their own, timers for one, is a
/// violation. Behind that stands the filter of ordinary programs without what the table does not name.
///
/// The handlers' own calls come from the gate, one instruction at a fixed address. From there, and only for the calls that the
/// handlers need, a call goes on to the ordinary filter. A program that jumps to the gate itself gets no further than an
/// ordinary one: it breaks its own determinism, and nothing else.
#include "sandbox/seccomp_policy.hpp"

namespace forgepool::sandbox::strict {

/// `unsupported` if libseccomp cannot express it.
Result<SeccompProgram> strict_filter();

/// The same with what stem_filter.hpp says in front.
SeccompProgram with_stem_calls(const SeccompProgram& strict);

}  // namespace forgepool::sandbox::strict
