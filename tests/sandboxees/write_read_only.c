#include "sandboxee.h"

#include <sys/stat.h>

int main(void) {
  REFUSED(10, open("/in/secret", O_WRONLY), EACCES);
  REFUSED(11, open("/in/new", O_CREAT | O_WRONLY, 0644), EROFS);
  REFUSED(12, unlink("/in/secret"), EROFS);
  REFUSED(13, rename("/in/secret", "/in/other"), EROFS);
  REFUSED(14, chmod("/in/secret", 0777), EROFS);
  REFUSED(15, chmod("/in", 0777), EROFS);
  // Which of the two is looked at first differs between kernels.
  EXPECT(16, truncate("/in/secret", 0) == -1 && (errno == EACCES || errno == EROFS));
  REFUSED(17, open("/new", O_CREAT | O_WRONLY, 0644), EROFS);
  REFUSED(18, mkdir("/new", 0755), EROFS);
  REFUSED(19, chmod("/", 0777), EROFS);
  REFUSED(20, open("/dev/new", O_CREAT | O_WRONLY, 0644), EROFS);
  EXPECT(21, chmod("/dev/null", 0) == -1);
  REFUSED(22, rmdir("/out"), EROFS);
  REFUSED(23, symlink("/in", "/link"), EROFS);
  REFUSED(24, utimensat(AT_FDCWD, "/in/secret", NULL, 0), EROFS);
  return 0;
}
