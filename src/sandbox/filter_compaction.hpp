#pragma once
/// Makes a system-call filter smaller. What it costs to install one, for every box, grows with its length: the kernel converts,
/// compiles and tries it each time. libseccomp and the strict filter in front of it say the same things many times over; here
/// each answer and each question stands once.
#include "sandbox/seccomp_policy.hpp"

namespace forgepool::sandbox {

/// A filter that gives the same answer to every call. It first asks for the architecture, then finds the call's number in a
/// balanced tree, then puts what questions are left to the arguments. A filter that does other things with the number than to
/// compare it is returned as it is.
SeccompProgram compact(const SeccompProgram& program);

}  // namespace forgepool::sandbox
