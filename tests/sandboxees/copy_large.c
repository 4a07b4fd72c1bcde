/* Copies /in/large to /out/large, whatever its size. */
#include "sandboxee.h"

int main(void) {
  const int from = open("/in/large", O_RDONLY), to = open("/out/large", O_CREAT | O_WRONLY, 0644);
  char block[65536];
  ssize_t got;
  EXPECT(1, from >= 0 && to >= 0);
  while ((got = read(from, block, sizeof block)) > 0) EXPECT(2, write(to, block, (size_t)got) == got);
  return got == 0 ? 0 : 3;
}
