/* What exec@1 runs on items: does what its item says, most of which would end everything if items were not by themselves. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* Leaves a process behind that goes on writing where later items look. */
static void leave_a_writer(void) {
  if (fork() != 0) return;
  setsid();
  close(0), close(1), close(2);
  for (long i = 0;; ++i) {
    char text[32];
    const int length = snprintf(text, sizeof text, "%ld", i);
    const int file = open("/tmp/left", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0 || write(file, text, (size_t)length) != length) _exit(1);
    close(file);
  }
}

int main(void) {
  char item[64] = {0};
  if (!fgets(item, sizeof item, stdin)) return 3;
  if (!strcmp(item, "exit")) return fprintf(stderr, "cannot parse record 17\n"), 7;
  if (!strcmp(item, "crash")) raise(SIGSEGV);
  if (!strcmp(item, "forbidden")) mount("none", "/tmp", "tmpfs", 0, "");
  if (!strcmp(item, "spin"))
    for (;;)
      ;
  if (!strcmp(item, "hang")) pause();
  if (!strcmp(item, "parent")) kill(getppid(), SIGKILL), pause();
  if (!strcmp(item, "all")) kill(-1, SIGKILL), pause();
  if (!strcmp(item, "file") && fclose(fopen("/out/mine", "w")) != 0) return 4;
  if (!strcmp(item, "result")) {
    FILE* file = fopen("/out/result", "w");
    if (!file || fputs("{\"format\":\"concat/1\",\"items\":[]}", file) < 0 || fclose(file) != 0) return 4;
  }
  if (!strcmp(item, "memory"))
    for (;;) {
      char* page = malloc(1 << 20);
      if (!page) return 5;
      memset(page, 1, 1 << 20);
    }
  if (!strcmp(item, "leave")) leave_a_writer();
  printf("%s sees %s", item, access("/tmp/left", F_OK) == 0 ? "what others left" : "nothing");
  FILE* mark = fopen("/tmp/left", "w");
  return mark && fclose(mark) == 0 ? 0 : 6;
}
