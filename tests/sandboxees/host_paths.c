/* The host's files must not exist here, by whatever way to them. */
#include "sandboxee.h"

#include <sys/stat.h>

int main(void) {
  static const char* const paths[] = {"/proc",
                                      "/proc/self/mem",
                                      "/proc/1/environ",
                                      "/proc/self/exe",
                                      "/sys",
                                      "/sys/fs/cgroup",
                                      "/etc",
                                      "/etc/passwd",
                                      "/root",
                                      "/home",
                                      "/usr",
                                      "/lib64",
                                      "/var",
                                      "/run",
                                      "/old",
                                      "/mnt",
                                      "/dev/mem",
                                      "/dev/kvm",
                                      "/dev/zero",
                                      "/dev/tty",
                                      "/dev/shm",
                                      "/dev/pts",
                                      "/../../etc/passwd",
                                      "/out/../../etc/passwd",
                                      "/dev/fd/0",
                                      "/program"};
  for (unsigned i = 0; i < sizeof paths / sizeof *paths; ++i) REFUSED(10 + (int)i, open(paths[i], O_PATH | O_NOFOLLOW), ENOENT);

  for (int i = 0; i < 100; ++i) EXPECT(60, chdir("..") == 0);
  struct stat here, root;
  EXPECT(61, stat(".", &here) == 0 && stat("/", &root) == 0 && here.st_ino == root.st_ino && here.st_dev == root.st_dev);
  const int folder = open("/", O_RDONLY | O_DIRECTORY);
  REFUSED(62, openat(folder, "../../etc/passwd", O_RDONLY), ENOENT);
  return 0;
}
