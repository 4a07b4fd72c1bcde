/* The one execveat that the filter lets through must be of no use: its descriptor cannot be had. */
#include "sandboxee.h"

int main(void) {
  char* list[] = {"again", NULL};
  REFUSED(10, syscall(SYS_execveat, 256, "", list, list + 1, AT_EMPTY_PATH), EBADF);
  const int fd = open("/in/secret", O_RDONLY);
  EXPECT(11, fd >= 0);
  REFUSED(12, dup2(fd, 256), EBADF);
  REFUSED(13, fcntl(fd, F_DUPFD, 256), EINVAL);
  int last = fd;
  while ((fd < 256) && (last = dup(fd)) >= 0) EXPECT(14, last < 256);
  REFUSED(15, syscall(SYS_execveat, 256, "", list, list + 1, AT_EMPTY_PATH), EBADF);
  return 0;
}
