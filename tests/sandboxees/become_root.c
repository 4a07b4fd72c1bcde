#include "sandboxee.h"

#include <grp.h>
#include <sys/stat.h>

int main(int count, char** arguments) {
  REFUSED(10, syscall(SYS_setuid, 0), EPERM);
  REFUSED(11, syscall(SYS_setresuid, 0, 0, 0), EPERM);
  REFUSED(12, syscall(SYS_setgid, 0), EPERM);
  REFUSED(13, syscall(SYS_setgroups, 0, NULL), EPERM);
  REFUSED(14, syscall(SYS_chown, "/out", 0, 0), EPERM);
  /* A setuid file of our own can be made, and is of no use: no_new_privs, nosuid, noexec. */
  const int fd = open("/tmp/suid", O_CREAT | O_WRONLY, 0755);
  EXPECT(15, fd >= 0 && fchmod(fd, 06755) == 0);
  close(fd);
  if (count > 1) {
    char* list[] = {arguments[0], NULL};
    REFUSED(16, execve("/tmp/suid", list, list + 1), EACCES);
  }
  return 0;
}
