#include "sandboxee.h"

#include <sys/prctl.h>
#include <sys/resource.h>

int main(void) {
  struct rlimit limit = {1 << 20, 1 << 20};
  REFUSED(10, setrlimit(RLIMIT_CORE, &limit), EPERM);
  limit.rlim_cur = limit.rlim_max = 0;
  REFUSED(11, setrlimit(RLIMIT_CORE, &limit), EPERM);
  EXPECT(12, getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max <= 1);
  EXPECT(13, prctl(PR_GET_DUMPABLE) == 0);
  abort();
}
