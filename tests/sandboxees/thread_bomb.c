#include "sandboxee.h"

#include <pthread.h>

static void* wait_forever(void* unused) {
  for (;;) pause();
  return unused;
}

int main(void) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  for (;;) {
    pthread_t thread;
    if (pthread_create(&thread, &attributes, wait_forever, NULL) != 0) return 1;
  }
}
