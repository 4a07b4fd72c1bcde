/* Nothing but the three standard descriptors may be open, and none of them may lead anywhere. */
#include "sandboxee.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

int main(void) {
  for (int fd = 3; fd < 70000; ++fd) REFUSED(10, fcntl(fd, F_GETFD), EBADF);
  struct stat status;
  EXPECT(11, fstat(0, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3));
  char byte;
  EXPECT(12, read(0, &byte, 1) == 0);
  for (int fd = 1; fd <= 2; ++fd) {
    EXPECT(13, fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode));
    REFUSED(14, openat(fd, "..", O_RDONLY), ENOTDIR);
    REFUSED(15, fchdir(fd), ENOTDIR);
    REFUSED(16, read(fd, &byte, 1), EBADF);
  }
  return 0;
}
