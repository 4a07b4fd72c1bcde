/* May execute what is in /in, but nothing that it has written itself. */
#include "sandboxee.h"

#include <sys/wait.h>

static void copy_to(const char* path) {
  static char data[4 << 20];
  const int from = open("/in/helper", O_RDONLY), to = open(path, O_CREAT | O_WRONLY, 0755);
  const ssize_t size = read(from, data, sizeof data);
  EXPECT(10, from >= 0 && to >= 0 && size > 0 && write(to, data, (size_t)size) == size);
  close(from);
  close(to);
}

int main(void) {
  char* list[] = {"helper", "exit", "7", NULL};
  copy_to("/tmp/helper");
  copy_to("/out/helper");
  REFUSED(11, execve("/tmp/helper", list, list + 3), EACCES);
  REFUSED(12, execve("/out/helper", list, list + 3), EACCES);
  REFUSED(13, execve("/in/secret", list, list + 3), EACCES);
  EXPECT(14, unlink("/out/helper") == 0);
  const pid_t child = fork();
  if (child == 0) {
    execve("/in/helper", list, list + 3);
    _exit(20);
  }
  int status = 0;
  EXPECT(15, waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
  return 0;
}
