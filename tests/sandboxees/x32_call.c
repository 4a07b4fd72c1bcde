#include "sandboxee.h"

int main(void) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(0x40000000L | 39) : "rcx", "r11", "memory");
  return 1;
}
