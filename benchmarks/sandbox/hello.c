/* The smallest useful program: what starting and ending one costs. With an argument it asks for the time that often. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int count, char** arguments) {
  struct timespec now;
  long sum = 0;
  for (long i = count > 1 ? atol(arguments[1]) : 0; i > 0; --i) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    sum += now.tv_nsec;
  }
  return write(STDOUT_FILENO, sum == 1 ? "Hello\n" : "hello\n", 6) == 6 ? 0 : 1;
}
