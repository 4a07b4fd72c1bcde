/* Raises the signals by which limits are recognised, without having reached one. */
#include "sandboxee.h"

#include <signal.h>

int main(int count, char** arguments) {
  EXPECT(10, count == 2);
  kill(getpid(), atoi(arguments[1]));
  return 11;
}
