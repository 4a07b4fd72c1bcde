/* Ends well, and leaves a process behind that has gone its own way. */
#include "sandboxee.h"

#include <signal.h>

int main(void) {
  if (fork() == 0) {
    setsid();
    if (fork() == 0) {
      for (int signal_number = 1; signal_number < 65; ++signal_number) signal(signal_number, SIG_IGN);
      close(0);
      for (;;) sleep(1000);
    }
    _exit(0);
  }
  return 0;
}
