#include "sandboxee.h"

#include <sys/resource.h>

int main(int count, char** arguments) {
  static const int finite[] = {RLIMIT_CPU,        RLIMIT_AS,     RLIMIT_DATA,  RLIMIT_STACK,   RLIMIT_FSIZE,
                               RLIMIT_NPROC,      RLIMIT_NOFILE, RLIMIT_CORE,  RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE,
                               RLIMIT_SIGPENDING, RLIMIT_NICE,   RLIMIT_RTPRIO};
  for (unsigned i = 0; i < sizeof finite / sizeof *finite; ++i) {
    struct rlimit limit;
    EXPECT(10, getrlimit(finite[i], &limit) == 0 && limit.rlim_max != RLIM_INFINITY);
    limit.rlim_max += 1;
    REFUSED(11, setrlimit(finite[i], &limit), EPERM);
  }
  /* The first process has the same user, so the kernel would let us. */
  if (count > 1 && !strcmp(arguments[1], "of-others")) {
    struct rlimit limit = {0, 0};
    return prlimit(1, RLIMIT_CPU, &limit, NULL) == 0 ? 1 : 2;
  }
  return 0;
}
