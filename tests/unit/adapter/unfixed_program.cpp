// For the scan of instructions: std::random_device executes rdrand and cpuid, the C library's start-up code cpuid and xgetbv.
#include <cstdio>
#include <random>

int main() {
  std::random_device device;
  std::printf("%u\n", device());
}
