/* Each child stays below the limit; together they are far above it. */
#include "sandboxee.h"

#include <sys/mman.h>
#include <sys/wait.h>

int main(void) {
  const size_t size = 40 << 20;
  for (int i = 0; i < 5; ++i) {
    if (fork() != 0) continue;
    char* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) _exit(1);
    memset(memory, 1, size);
    sleep(1);
    _exit(0);
  }
  while (wait(NULL) > 0) {
  }
  return 0;
}
