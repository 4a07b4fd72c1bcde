/* Makes the system call whose number it is given, with the arguments behind it, or zeros. */
#include "sandboxee.h"

int main(int count, char** arguments) {
  EXPECT(10, count >= 2 && count <= 8);
  long a[6] = {0};
  for (int i = 2; i < count; ++i) a[i - 2] = strtol(arguments[i], NULL, 0);
  const long result = syscall(strtol(arguments[1], NULL, 0), a[0], a[1], a[2], a[3], a[4], a[5]);
  dprintf(2, "returned %ld, errno %d\n", result, errno);
  return 1;
}
