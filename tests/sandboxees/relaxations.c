/* Does what one relaxation of the sandbox's policy allows. Exits with 0 if it works as it should, and no more than that; with
 * 42 if it is refused as it is without the relaxation. */
#include "sandboxee.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define REFUSED_WITHOUT(call, error)                       \
  do {                                                     \
    if ((long)(call) == -1 && errno == (error)) _exit(42); \
  } while (0)

static void spawn(void) {
  const pid_t child = fork(); /* A violation without. */
  if (child == 0) {
    char* const arguments[] = {"/in/child", "exit", "7", NULL};
    execv("/in/child", arguments);
    _exit(99);
  }
  int status = 0;
  EXPECT(10, child > 0 && waitpid(child, &status, 0) == child);
  EXPECT(11, WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void memory_files(void) {
  const int fd = (int)syscall(SYS_memfd_create, "x", 2 /* MFD_ALLOW_SEALING */);
  REFUSED_WITHOUT(fd, ENOSYS);
  EXPECT(20, fd >= 0 && write(fd, "content", 7) == 7);
  EXPECT(21, fcntl(fd, 1033 /* F_ADD_SEALS */, 8 /* F_SEAL_WRITE */) == 0 && fcntl(fd, 1034 /* F_GET_SEALS */) == 8);
  REFUSED(22, write(fd, "more", 4), EPERM);
  REFUSED(23, syscall(SYS_memfd_create, "x", 4 /* MFD_HUGETLB */), EINVAL);
  REFUSED(24, syscall(SYS_memfd_create, "x", 16 /* MFD_EXEC */), EACCES);
}

static void local_sockets(void) {
  int fds[2];
  REFUSED_WITHOUT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), EPERM);
  EXPECT(30, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
  char got[8];
  EXPECT(31, send(fds[0], "message", 8, 0) == 8 && recv(fds[1], got, sizeof got, 0) == 8 && !strcmp(got, "message"));
  REFUSED(32, socket(AF_UNIX, SOCK_STREAM, 0), EPERM);
  REFUSED(33, socket(AF_INET, SOCK_STREAM, 0), EPERM);
  const struct sockaddr nobody = {.sa_family = AF_UNIX};
  REFUSED(34, connect(fds[0], &nobody, sizeof nobody), EPERM);
  REFUSED(35, bind(fds[0], &nobody, sizeof nobody), EPERM);
}

static void executable_memory(void) {
  unsigned char* const code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT(40, code != MAP_FAILED);
  static const unsigned char return_7[] = {0xb8, 7, 0, 0, 0, 0xc3};
  memcpy(code, return_7, sizeof return_7);
  REFUSED_WITHOUT(mprotect(code, 4096, PROT_READ | PROT_EXEC), EACCES);
  int (*function)(void);
  memcpy(&function, &code, sizeof function);
  EXPECT(41, function() == 7);
  /* What was written to a file is still not executed. */
  const int fd = open("/tmp/code", O_CREAT | O_RDWR, 0700);
  EXPECT(42 + 1, fd >= 0 && write(fd, return_7, sizeof return_7) == (ssize_t)sizeof return_7);
  EXPECT(44, mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EPERM);
}

int main(int count, char** arguments) {
  EXPECT(2, count == 2);
  if (!strcmp(arguments[1], "spawn"))
    spawn();
  else if (!strcmp(arguments[1], "memory_files"))
    memory_files();
  else if (!strcmp(arguments[1], "local_sockets"))
    local_sockets();
  else if (!strcmp(arguments[1], "executable_memory"))
    executable_memory();
  else
    return 3;
  return 0;
}
