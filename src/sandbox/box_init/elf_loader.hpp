#pragma once
/// Loading a static ELF into this process, in place of exec: the kernel's exec brings a vDSO, random bytes and addresses of its
/// own choice with it, and costs more than all the rest of a prepared run.
#include "sandbox/box_init/runtime.hpp"

namespace forgepool::sandbox::box_init {

struct LoadedProgram {
  BoxFailure failure;
  std::uint64_t entry;
  std::uint64_t headers;  ///< Address of the program headers.
  std::uint64_t header_count;
  std::uint64_t end;  ///< Of its highest segment: where its heap may begin.
};

/// Maps the segments of the image behind `fd`. Nothing but the resident part may be mapped.
LoadedProgram load_program(long fd);

struct InitialStack {
  std::uint64_t pointer;  ///< At argc.
  std::uint8_t* random;   ///< The 16 bytes of AT_RANDOM.
};

/// Lays out arguments, environment and auxiliary vector on a stack at strict::stack_top. `arguments` and `environment` end with
/// null.
InitialStack build_stack(const LoadedProgram& program, char* const* arguments, char* const* environment);

}  // namespace forgepool::sandbox::box_init
