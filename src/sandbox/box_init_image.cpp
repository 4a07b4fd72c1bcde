#include "sandbox/box_init_image.hpp"

// FORGEPOOL_BOX_INIT is the path of the program that CMake has built from box_init/.
asm(R"(
    .pushsection .rodata.forgepool_box_init, "a", @progbits
    .balign 16
    .globl forgepool_box_init_begin
    .hidden forgepool_box_init_begin
forgepool_box_init_begin:
    .incbin ")" FORGEPOOL_BOX_INIT R"("
    .globl forgepool_box_init_end
    .hidden forgepool_box_init_end
forgepool_box_init_end:
    .byte 0
    .popsection
)");

extern "C" {
extern const std::uint8_t forgepool_box_init_begin[] __attribute__((visibility("hidden")));
extern const std::uint8_t forgepool_box_init_end[] __attribute__((visibility("hidden")));
}

namespace forgepool::sandbox {

ByteView box_init_image() {
  return {forgepool_box_init_begin, forgepool_box_init_end};
}

}  // namespace forgepool::sandbox
