/* Not hostile: the program of the conformance suite. The first argument says what to do; in_process functions of the same names
 * stand beside it in tests/conformance/sandbox. */
#include "sandboxee.h"

#include <dirent.h>

static void put(const char* folder, const char* name, const void* data, size_t size) {
  char path[600];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  const int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
  EXPECT(101, fd >= 0);
  for (size_t done = 0; done < size;) {
    const ssize_t written = write(fd, (const char*)data + done, size - done);
    EXPECT(102, written > 0);
    done += (size_t)written;
  }
  close(fd);
}

static void copy_inputs(void) {
  DIR* folder = opendir("/in");
  EXPECT(103, folder != NULL);
  for (struct dirent* entry; (entry = readdir(folder)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    char path[600], data[4096];
    snprintf(path, sizeof path, "/in/%s", entry->d_name);
    const int fd = open(path, O_RDONLY);
    const ssize_t size = read(fd, data, sizeof data);
    EXPECT(104, fd >= 0 && size >= 0);
    close(fd);
    put("/out", entry->d_name, data, (size_t)size);
  }
}

int main(int count, char** arguments) {
  const char* action = count > 1 ? arguments[1] : "";
  const long number = count > 2 ? atol(arguments[2]) : 0;
  if (!strcmp(action, "exit")) return (int)number;
  if (!strcmp(action, "copy-inputs")) copy_inputs();
  if (!strcmp(action, "echo-arguments"))
    for (int i = 2; i < count; ++i) {
      char name[32];
      snprintf(name, sizeof name, "argument.%d", i - 2);
      put("/out", name, arguments[i], strlen(arguments[i]));
    }
  if (!strcmp(action, "many-outputs"))
    for (long i = 0; i < number; ++i) {
      char name[32];
      snprintf(name, sizeof name, "output.%ld", i);
      put("/out", name, name, strlen(name));
    }
  if (!strcmp(action, "large-output")) {
    char* data = calloc(1, (size_t)number);
    put("/out", "large", data, (size_t)number);
  }
  if (!strcmp(action, "name-output")) put("/out", arguments[2], "x", 1);
  if (!strcmp(action, "print"))
    for (long i = 0; i < number; ++i) dprintf(i % 2 ? 2 : 1, "line %ld\n", i);
  if (!strcmp(action, "crash")) abort();
  if (!strcmp(action, "wait"))
    for (;;) pause();
  if (!strcmp(action, "work"))
    for (volatile unsigned long i = 0;; ++i) {
    }
  return 0;
}
