#include "sandbox/numeric_probe_image.hpp"

// FORGEPOOL_NUMERIC_PROBE is the path of the program that CMake has built from numeric_probe/.
asm(R"(
    .pushsection .rodata.forgepool_numeric_probe, "a", @progbits
    .balign 16
    .globl forgepool_numeric_probe_begin
    .hidden forgepool_numeric_probe_begin
forgepool_numeric_probe_begin:
    .incbin ")" FORGEPOOL_NUMERIC_PROBE R"("
    .globl forgepool_numeric_probe_end
    .hidden forgepool_numeric_probe_end
forgepool_numeric_probe_end:
    .byte 0
    .popsection
)");

extern "C" {
extern const std::uint8_t forgepool_numeric_probe_begin[] __attribute__((visibility("hidden")));
extern const std::uint8_t forgepool_numeric_probe_end[] __attribute__((visibility("hidden")));
}

namespace forgepool::sandbox {

ByteView numeric_probe_image() {
  return {forgepool_numeric_probe_begin, forgepool_numeric_probe_end};
}

}  // namespace forgepool::sandbox
