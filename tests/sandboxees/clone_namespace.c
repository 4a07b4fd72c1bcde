/* Nested namespaces, by every way to make them that takes flags. May fork. */
#include "sandboxee.h"

#include <sched.h>
#include <signal.h>

int main(int count, char** arguments) {
  EXPECT(10, count == 2);
  const unsigned long flags = strtoul(arguments[1], NULL, 0);
  unsigned long clone3[11] = {flags, 0, 0, 0, SIGCHLD};
  REFUSED(11, syscall(SYS_clone3, clone3, sizeof clone3), ENOSYS);
  return syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0) >= 0 ? 1 : 2;
}
