/* Fills the folder named by its argument with files that are each within the limit of a single one. */
#include "sandboxee.h"

int main(int count, char** arguments) {
  static char data[65536];
  EXPECT(10, count == 2);
  for (int i = 0;; ++i) {
    char path[64];
    snprintf(path, sizeof path, "%s/f%d", arguments[1], i);
    const int fd = open(path, O_CREAT | O_WRONLY, 0644);
    if (fd < 0) return errno == ENOSPC ? 1 : 11;
    for (int k = 0; k < 8; ++k)
      if (write(fd, data, sizeof data) != (ssize_t)sizeof data) return errno == ENOSPC || errno == 0 ? 1 : 12;
    close(fd);
  }
}
