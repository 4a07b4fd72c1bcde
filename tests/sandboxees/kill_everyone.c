/* There is no one here to kill but ourselves. */
#include "sandboxee.h"

#include <signal.h>

int main(void) {
  signal(SIGTERM, SIG_IGN);
  kill(1, SIGKILL);
  kill(1, SIGSTOP);
  kill(1, SIGTERM);
  EXPECT(10, kill(1, 0) == 0);
  REFUSED(11, kill(-1, SIGKILL), ESRCH);
  REFUSED(12, kill(getppid() == 1 ? 3 : 1, SIGKILL), ESRCH);
  REFUSED(13, syscall(SYS_tgkill, 1000, 1000, SIGKILL), ESRCH);
  for (int pid = 3; pid < 70000; ++pid) REFUSED(14, kill(pid, SIGKILL), ESRCH);
  return 0;
}
