#include "sandboxee.h"

int main(void) {
  for (long i = 0; i < 1000000; ++i) {
    char path[64];
    snprintf(path, sizeof path, "/tmp/%ld", i);
    const int fd = open(path, O_CREAT | O_WRONLY, 0644);
    if (fd < 0) return errno == ENOSPC ? 0 : 10;
    close(fd);
  }
  return 11;
}
