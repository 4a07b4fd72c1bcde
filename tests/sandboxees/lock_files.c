/* The device behind /dev/null is the host's: a lock on it would be seen by everyone. */
#include "sandboxee.h"

#include <sys/file.h>

int main(void) {
  const int fd = open("/dev/null", O_RDWR);
  EXPECT(10, fd >= 0);
  REFUSED(11, flock(fd, LOCK_EX | LOCK_NB), ENOLCK);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  REFUSED(12, fcntl(fd, F_SETLK, &lock), ENOLCK);
  REFUSED(13, fcntl(fd, F_OFD_SETLK, &lock), ENOLCK);
  REFUSED(14, fcntl(1, F_SETPIPE_SZ, 1 << 20), EPERM);
  return 0;
}
