/* Uses more than its CPU time, deaf to SIGXCPU. "children": by many processes that take a little each. */
#include "sandboxee.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static void spin_for_ms(long ms) {
  struct timespec now;
  do clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < ms);
}

int main(int count, char** arguments) {
  signal(SIGXCPU, SIG_IGN);
  if (count > 1 && !strcmp(arguments[1], "children"))
    for (;;) {
      if (fork() == 0) {
        spin_for_ms(50);
        _exit(0);
      }
      while (wait(NULL) > 0) {
      }
    }
  for (;;) spin_for_ms(1000000);
}
