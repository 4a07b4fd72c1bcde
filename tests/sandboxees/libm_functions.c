/* A digest of what libm gives: its functions have variants, whose last bits differ, and choose by processor and environment. */
#include <math.h>
#include <stdio.h>
#include <string.h>

int main(int count, char** arguments) {
  const char* folder = "/out";
  for (int i = 1; i + 1 < count; ++i)
    if (!strcmp(arguments[i], "--out")) folder = arguments[i + 1];
  unsigned long hash = 0;
  for (int i = 1; i < 300000; ++i) {
    const double x = i * 1e-3, values[] = {sin(x), exp(-x * 1e-3), pow(x, .37)};
    for (int k = 0; k < 3; ++k) {
      unsigned long bits;
      memcpy(&bits, &values[k], sizeof bits);
      hash = hash * 1099511628211ul ^ bits;
    }
  }
  char path[4096];
  snprintf(path, sizeof path, "%s/result", folder);
  FILE* file = fopen(path, "w");
  if (!file) return 2;
  fprintf(file, "%016lx", hash);
  return fclose(file) != 0;
}
