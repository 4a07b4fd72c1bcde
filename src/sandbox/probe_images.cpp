#include "sandbox/probe_images.hpp"

// FORGEPOOL_…_PROBE are the paths of the programs that CMake has built from numeric_probe/ and strict_probe/.
#define FORGEPOOL_IMAGE(name, path)                       \
  asm(".pushsection .rodata.forgepool_" name              \
      ", \"a\", @progbits\n"                              \
      ".balign 16\n"                                      \
      ".globl forgepool_" name "_begin, forgepool_" name  \
      "_end\n"                                            \
      ".hidden forgepool_" name "_begin, forgepool_" name \
      "_end\n"                                            \
      "forgepool_" name                                   \
      "_begin:\n"                                         \
      ".incbin \"" path                                   \
      "\"\n"                                              \
      "forgepool_" name                                   \
      "_end:\n"                                           \
      ".byte 0\n"                                         \
      ".popsection\n")

FORGEPOOL_IMAGE("numeric_probe", FORGEPOOL_NUMERIC_PROBE);
FORGEPOOL_IMAGE("strict_probe", FORGEPOOL_STRICT_PROBE);

extern "C" {
extern const std::uint8_t forgepool_numeric_probe_begin[] __attribute__((visibility("hidden")));
extern const std::uint8_t forgepool_numeric_probe_end[] __attribute__((visibility("hidden")));
extern const std::uint8_t forgepool_strict_probe_begin[] __attribute__((visibility("hidden")));
extern const std::uint8_t forgepool_strict_probe_end[] __attribute__((visibility("hidden")));
}

namespace forgepool::sandbox {

ByteView numeric_probe_image() {
  return {forgepool_numeric_probe_begin, forgepool_numeric_probe_end};
}

ByteView strict_probe_image() {
  return {forgepool_strict_probe_begin, forgepool_strict_probe_end};
}

}  // namespace forgepool::sandbox
