/* Makes the system call whose number it is given, with zeros. */
#include "sandboxee.h"

int main(int count, char** arguments) {
  EXPECT(10, count == 2);
  const long result = syscall(strtol(arguments[1], NULL, 0), 0L, 0L, 0L, 0L, 0L, 0L);
  dprintf(2, "returned %ld, errno %d\n", result, errno);
  return 1;
}
