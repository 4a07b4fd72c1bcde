/* Each child stays below the limit; together, all at the same time, they are far above it. */
#include "sandboxee.h"

#include <sys/mman.h>
#include <sys/wait.h>

static void take_and_hold(int taken, int hold) {
  const size_t size = 40 << 20;
  char* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT(10, memory != MAP_FAILED);
  memset(memory, 1, size);
  char byte = 0;
  EXPECT(11, write(taken, &byte, 1) == 1);
  EXPECT(12, read(hold, &byte, 1) == 0);
  _exit(0);
}

int main(void) {
  int taken[2], hold[2];
  EXPECT(13, pipe(taken) == 0 && pipe(hold) == 0);
  for (int i = 0; i < 5; ++i)
    if (fork() == 0) {
      close(hold[1]);
      take_and_hold(taken[1], hold[0]);
    }
  char byte;
  for (int i = 0; i < 5; ++i) EXPECT(14, read(taken[0], &byte, 1) == 1);
  close(hold[1]);
  while (wait(NULL) > 0) {
  }
  return 0;
}
