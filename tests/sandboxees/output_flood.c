#include "sandboxee.h"

int main(void) {
  static char data[65536];
  memset(data, 'x', sizeof data);
  for (;;) {
    if (write(1, data, sizeof data) < 0) return 10;
    if (write(2, data, sizeof data) < 0) return 11;
  }
}
