/* Leaves as little as it can in /out or /tmp, in the way that an input file is named after, and writes down what could be seen
 * of that in the next run. For strict runs. */
#include "sandboxee.h"

#include <sys/stat.h>

static const char* const folders[] = {"/out", "/tmp"};

static int is_asked_for(const char* way) {
  char path[64];
  snprintf(path, sizeof path, "/in/%s", way);
  return access(path, F_OK) == 0;
}

/* Past the handlers, as the kernel tells it: calls from this address pass the filter (src/sandbox/strict/layout.hpp). */
static long true_status(const char* path, struct stat* status) {
  long result = SYS_stat;
  __asm__ volatile("call *%[gate]"
                   : "+a"(result)
                   : [gate] "r"(0x5ff000000000), "D"(path), "S"(status)
                   : "rcx", "r11", "memory");
  return result;
}

static void change_times(const char* path, long accessed, long modified) {
  const struct timespec times[2] = {{77, accessed}, {77, modified}};
  EXPECT(20, utimensat(AT_FDCWD, path, times, 0) == 0);
}

static void make_and_remove(const char* folder) {
  char path[64];
  snprintf(path, sizeof path, "%s/short-lived", folder);
  if (is_asked_for("file")) EXPECT(30, close(creat(path, 0600)) == 0 && unlink(path) == 0);
  if (is_asked_for("folder")) EXPECT(31, mkdir(path, 0700) == 0 && rmdir(path) == 0);
  if (is_asked_for("link")) EXPECT(32, symlink("/in", path) == 0 && unlink(path) == 0);
  if (is_asked_for("fifo")) REFUSED(33, mknod(path, S_IFIFO | 0600, 0), EPERM);
  if (is_asked_for("unnamed")) REFUSED(34, open(folder, O_TMPFILE | O_RDWR, 0600), EOPNOTSUPP);
}

int main(void) {
  for (int i = 0; i < 2; ++i) {
    const char* const folder = folders[i];
    struct stat status;
    EXPECT(10, true_status(folder, &status) == 0);
    dprintf(1, "%s mode %o links %lu, times %s\n", folder, status.st_mode, (unsigned long)status.st_nlink,
            status.st_atime == 77 || status.st_mtime == 77 ? "set" : "its own");
  }
  if (is_asked_for("look")) { /* The numbers that files get. */
    for (int i = 0; i < 2; ++i) {
      struct stat status;
      const int fd = openat(open(folders[i], O_RDONLY), "number", O_CREAT | O_EXCL | O_RDWR, 0600);
      EXPECT(11, fd >= 0 && fstat(fd, &status) == 0);
      dprintf(1, "%s next inode %lu\n", folders[i], (unsigned long)status.st_ino);
    }
    return 0;
  }
  for (int i = 0; i < 2; ++i) {
    make_and_remove(folders[i]);
    if (is_asked_for("mode")) EXPECT(40, chmod(folders[i], 0700) == 0);
    if (is_asked_for("mode-and-back")) EXPECT(41, chmod(folders[i], 0777) == 0 && chmod(folders[i], 0755) == 0);
    if (is_asked_for("both-times")) change_times(folders[i], 0, 0);
    if (is_asked_for("time-of-access")) change_times(folders[i], 0, UTIME_OMIT);
    if (is_asked_for("time-of-modification")) change_times(folders[i], UTIME_OMIT, 0);
  }
  return 0;
}
