#include "sandbox/box_init/runtime.hpp"

// The compiler turns loops and initialisations into calls of these.
extern "C" {
void* memset(void* target, int value, std::size_t size) {
  auto* bytes = static_cast<volatile unsigned char*>(target);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(value);
  return target;
}

void* memcpy(void* target, const void* source, std::size_t size) {
  auto* to = static_cast<volatile unsigned char*>(target);
  const auto* from = static_cast<const unsigned char*>(source);
  for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
  return target;
}

// The kernel starts a program with the stack pointer at argc and the frame pointer undefined.
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call box_start\n"
    "  ud2\n");
}

namespace forgepool::sandbox::box_init {

std::size_t length_of(const char* text) {
  std::size_t length = 0;
  while (text[length] != '\0') ++length;
  return length;
}

}  // namespace forgepool::sandbox::box_init
