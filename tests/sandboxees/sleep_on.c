/* Outlasts its wall time, deaf to everything that it can be deaf to. "stop": stopped altogether. */
#include "sandboxee.h"

#include <signal.h>

int main(int count, char** arguments) {
  for (int signal_number = 1; signal_number < 65; ++signal_number) signal(signal_number, SIG_IGN);
  if (count > 1 && !strcmp(arguments[1], "stop")) raise(SIGSTOP);
  for (;;) pause();
}
