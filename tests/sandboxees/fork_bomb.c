/* Forks until it cannot; so do the children, for ever. */
#include "sandboxee.h"

int main(void) {
  const pid_t first = getpid();
  for (;;)
    if (fork() < 0 && getpid() == first) return 1;
}
