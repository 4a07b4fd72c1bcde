/* What the hostile programs share. Each tries one kind of mischief. It exits with 0 if every attempt was refused as it should
 * be, and with the number of the attempt otherwise; most are ended before they get that far, and the test says how. */
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline void report(int number, const char* what, long result) {
  dprintf(2, "attempt %d: %s gave %ld, errno %d\n", number, what, result, errno);
  _exit(number);
}

/* The call has to fail with exactly this errno. */
#define REFUSED(number, call, error)                                         \
  do {                                                                       \
    errno = 0;                                                               \
    const long result_ = (long)(call);                                       \
    if (result_ != -1 || errno != (error)) report((number), #call, result_); \
  } while (0)

#define EXPECT(number, condition)                      \
  do {                                                 \
    if (!(condition)) report((number), #condition, 0); \
  } while (0)
