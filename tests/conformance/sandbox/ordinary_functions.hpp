#pragma once
#include <forgepool/backends/in_process_sandbox.hpp>

namespace forgepool::sandbox_test {

/// Does what tests/sandboxees/ordinary.c does, as a function.
int ordinary(InProcessRun& run);

}  // namespace forgepool::sandbox_test
