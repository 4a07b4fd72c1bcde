/* Leaves something in /out that is not a plain file with a plain name. */
#include "sandboxee.h"

#include <sys/stat.h>

static void make(const char* path, mode_t mode) {
  const int fd = open(path, O_CREAT | O_WRONLY, mode);
  EXPECT(20, fd >= 0);
  close(fd);
}

int main(int count, char** arguments) {
  EXPECT(10, count == 2);
  const char* kind = arguments[1];
  if (!strcmp(kind, "symlink-absolute")) EXPECT(11, symlink("/etc/passwd", "/out/x") == 0);
  if (!strcmp(kind, "symlink-relative")) EXPECT(11, symlink("../in/secret", "/out/x") == 0);
  if (!strcmp(kind, "symlink-loop")) EXPECT(11, symlink("x", "/out/x") == 0);
  if (!strcmp(kind, "symlink-folder")) EXPECT(11, symlink("/", "/out/x") == 0);
  if (!strcmp(kind, "hard-link")) {
    make("/out/x", 0644);
    EXPECT(12, link("/out/x", "/out/y") == 0);
  }
  if (!strcmp(kind, "foreign-hard-link")) {
    REFUSED(13, link("/dev/null", "/out/x"), EXDEV);
    REFUSED(14, link("/in/secret", "/out/x"), EXDEV);
  }
  if (!strcmp(kind, "fifo")) REFUSED(15, mkfifo("/out/x", 0644), EPERM);
  if (!strcmp(kind, "device")) REFUSED(16, mknod("/out/x", S_IFCHR | 0666, 0x103), EPERM);
  if (!strcmp(kind, "folder")) EXPECT(17, mkdir("/out/x", 0755) == 0);
  if (!strcmp(kind, "unreadable")) make("/out/x", 0);
  if (!strcmp(kind, "deep")) {
    EXPECT(18, chdir("/out") == 0);
    for (int depth = 0; depth < 3000 && mkdir("d", 0755) == 0 && chdir("d") == 0; ++depth) {
    }
  }
  if (!strcmp(kind, "newline")) make("/out/a\nb", 0644);
  if (!strcmp(kind, "leading-dash")) make("/out/-rf", 0644);
  if (!strcmp(kind, "leading-dot")) make("/out/.hidden", 0644);
  if (!strcmp(kind, "backslash")) make("/out/a\\..\\b", 0644);
  if (!strcmp(kind, "not-utf8")) make("/out/\xff\xfe", 0644);
  if (!strcmp(kind, "long")) {
    char path[300] = "/out/";
    memset(path + 5, 'n', 255);
    make(path, 0644);
  }
  return 0;
}
