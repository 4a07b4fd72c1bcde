#include "sandboxee.h"

#include <sys/mman.h>

int main(void) {
  REFUSED(10, (long)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EACCES);
  char* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT(11, page != MAP_FAILED);
  REFUSED(12, mprotect(page, 4096, PROT_READ | PROT_EXEC), EACCES);
  REFUSED(13, syscall(SYS_memfd_create, "x", 0), ENOSYS);
  REFUSED(14, open("/dev/shm/x", O_CREAT | O_RDWR, 0600), ENOENT);
  return 0;
}
