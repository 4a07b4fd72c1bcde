#include "sandboxee.h"

#include <sys/ptrace.h>

int main(void) {
  return ptrace(PTRACE_ATTACH, 1, NULL, NULL) == 0 ? 1 : 2;
}
