#pragma once
/// What an agent states when a shard's execution ended badly, as an answer that can be compared: equal digests, the same end.
#include <forgepool/digest.hpp>
#include <forgepool/sandbox.hpp>

namespace forgepool::wire {

/// Whether such an end says something about the program. Otherwise it never ran, which is its agent's own trouble.
bool is_of_program(SandboxOutcome::Kind kind);

/// SHA-256 of `"forgepool failed execution v1\n"` and `{"code": …, "kind": …}` (RFC 8785). The code stands only where it is the
/// program's: of an exit, a signal, a forbidden call; else it is 0. What is in no two runs the same (texts) is left out.
Digest failure_digest(SandboxOutcome::Kind kind, int code);

}  // namespace forgepool::wire
