/* Looks for what programs before it may have left, writes down all that it sees to /out/seen, then leaves what it can. With an
 * input file "crash", "fail" or "forbidden" it ends in that way. */
#include "sandboxee.h"

#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>

static char seen[65536];
static size_t seen_size;

__attribute__((format(printf, 1, 2))) static void note(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int size = vsnprintf(seen + seen_size, sizeof seen - seen_size, format, arguments);
  va_end(arguments);
  EXPECT(20, size >= 0 && (size_t)size < sizeof seen - seen_size);
  seen_size += (size_t)size;
}

static void look_at(const char* path) {
  struct stat status;
  EXPECT(21, stat(path, &status) == 0);
  note("%s mode %o links %lu inode %lu device %lu size %ld times %ld %ld %ld\n", path, status.st_mode,
       (unsigned long)status.st_nlink, (unsigned long)status.st_ino, (unsigned long)status.st_dev, (long)status.st_size,
       (long)status.st_atim.tv_nsec, (long)status.st_mtim.tv_nsec, (long)status.st_ctim.tv_nsec);
  struct statfs space;
  EXPECT(22, statfs(path, &space) == 0);
  note("  blocks %lu of %lu, files %lu of %lu\n", space.f_bfree, space.f_blocks, space.f_ffree, space.f_files);
  DIR* folder = opendir(path);
  if (!folder) return;
  for (struct dirent* entry; (entry = readdir(folder)) != NULL;)
    note("  %s inode %lu offset %ld\n", entry->d_name, (unsigned long)entry->d_ino, (long)entry->d_off);
  closedir(folder);
}

static void look_around(void) {
  note("process %d of %d, group %d, session %d, user %d\n", getpid(), getppid(), getpgrp(), getsid(0), getuid());
  for (int fd = 0; fd < 1024; ++fd) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags >= 0) note("descriptor %d flags %o offset %ld\n", fd, flags, (long)lseek(fd, 0, SEEK_CUR));
  }
  for (const char* const* path = (const char* const[]){"/", "/in", "/out", "/tmp", "/dev", "/dev/null", NULL}; *path; ++path)
    look_at(*path);
  sigset_t blocked, pending;
  sigprocmask(SIG_BLOCK, NULL, &blocked);
  sigpending(&pending);
  for (int number = 1; number < 65; ++number) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL) note("signal %d has an action\n", number);
    if (sigismember(&blocked, number) > 0 || sigismember(&pending, number) > 0) note("signal %d is held\n", number);
  }
  const mode_t mask = umask(0);
  umask(mask);
  note("mask %o, break %p, clock %ld, random %08x\n", mask, sbrk(0), (long)clock(), (unsigned)random());
}

static void put(const char* path, const char* text) {
  const int fd = open(path, O_CREAT | O_WRONLY, 0600);
  EXPECT(23, fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  close(fd);
}

static void leave_traces(void) {
  put("/tmp/left", "behind");
  EXPECT(24, mkdir("/tmp/folder", 0700) == 0 && mkdir("/tmp/folder/deeper", 0) == 0);
  EXPECT(25, symlink("/out", "/tmp/link") == 0);
  const int held = open("/tmp/held", O_CREAT | O_RDWR, 0600);
  EXPECT(26, held >= 0 && unlink("/tmp/held") == 0 && write(held, "x", 1) == 1);
  EXPECT(27, mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, held, 0) != MAP_FAILED);
  for (int fd = 0; fd < 3; ++fd) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK | O_APPEND | O_ASYNC);
  umask(0);
  signal(SIGUSR1, SIG_IGN);
  chmod("/tmp", 01777);
  chmod("/out", 0700);
  chdir("/tmp/folder");
  EXPECT(28, write(1, "left on standard output", 23) == 23);
  const char* const elsewhere[] = {"/in/left", "/left", "/dev/left"};
  for (unsigned i = 0; i < 3; ++i) REFUSED(30 + (int)i, open(elsewhere[i], O_CREAT | O_WRONLY, 0600), EROFS);
  REFUSED(33, chmod("/in", 0777), EROFS);
  REFUSED(34, chmod("/", 0777), EROFS);
  REFUSED(35, chmod("/dev/null", 0777), EROFS);
}

int main(void) {
  look_around();
  put("/out/seen", seen);
  leave_traces();
  if (access("/in/crash", F_OK) == 0) abort();
  if (access("/in/fail", F_OK) == 0) return 3;
  if (access("/in/forbidden", F_OK) == 0) syscall(SYS_unshare, 0);
  return 0;
}
