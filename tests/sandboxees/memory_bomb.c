#include "sandboxee.h"

#include <sys/mman.h>

int main(void) {
  const size_t size = 1 << 20;
  for (;;) {
    char* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    memset(memory, 1, size);
  }
}
