/* "one": a file far larger than allowed. "many": each within the limit, together above it, and not a page of memory used. */
#include "sandboxee.h"

int main(int count, char** arguments) {
  EXPECT(10, count == 3);
  const long size = atol(arguments[2]);
  const int files = !strcmp(arguments[1], "many") ? 4 : 1;
  for (int i = 0; i < files; ++i) {
    char path[64];
    snprintf(path, sizeof path, "/out/sparse%d", i);
    const int fd = open(path, O_CREAT | O_WRONLY, 0644);
    EXPECT(11, fd >= 0);
    EXPECT(12, ftruncate(fd, size) == 0);
  }
  return 0;
}
