#include "sandboxee.h"

#include <sys/resource.h>

int main(void) {
  struct rlimit limit = {1 << 20, 1 << 20};
  REFUSED(10, setrlimit(RLIMIT_CORE, &limit), EPERM);
  abort();
}
