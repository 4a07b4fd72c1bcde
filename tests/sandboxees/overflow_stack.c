#include "sandboxee.h"

static int recurse(int depth) {
  volatile char block[65536];
  block[0] = (char)depth;
  return recurse(depth + 1) + block[0];
}

int main(void) {
  return recurse(0);
}
