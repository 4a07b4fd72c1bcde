#include "probe.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace {

const char* const folder = "/tmp/probes";

/// Twenty-four files, created in an order of no meaning; a few are removed again.
void fill_folder() {
  if (mkdir(folder, 0755) != 0) return;
  for (int i = 0; i < 24; ++i) {
    const int fd = open(text("%s/%d", folder, i * 7919 % 97).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    if (write(fd, "12345", 5) != 5) _exit(9);
    close(fd);
  }
  for (int i = 0; i < 24; i += 5) unlink(text("%s/%d", folder, i * 7919 % 97).c_str());
}

std::string listing(const char* path, bool with_numbers) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(path), closedir);
  if (!stream) return result(-1);
  std::string seen;
  while (const dirent* entry = readdir(stream.get())) {
    seen += std::string(entry->d_name) + ",";
    if (with_numbers) seen += text("%lu,%ld;", entry->d_ino, entry->d_off);
  }
  return seen.size() < 100 ? seen : hashed(seen);
}

/// A few entries at a time, and files that go away in between.
std::string interrupted_listing() {
  const char* const other = "/tmp/interrupted";
  mkdir(other, 0755);
  for (int i = 0; i < 300; ++i)
    close(open(text("%s/a-rather-long-name-of-a-file-%d", other, i).c_str(), O_CREAT | O_WRONLY, 0644));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(other), closedir);
  std::string seen;
  for (int count = 0; const dirent* entry = readdir(stream.get()); ++count) {
    seen += std::string(entry->d_name) + text(" %ld,", telldir(stream.get()));
    if (count % 3 == 0) unlink((std::string(other) + "/" + entry->d_name).c_str());
  }
  return hashed(seen);
}

template <class Show>
std::string of_file(Show show) {
  fill_folder();
  struct stat status {};
  const int answer = stat("/tmp/probes/0", &status);
  if (answer != 0) {
    if (stat(folder, &status) != 0) return result(-1);
  }
  return show(status);
}

std::string descriptor(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return result(-1);
  return text("dev %lx ino %lx mode %o nlink %lu rdev %lx size %ld blocks %ld mtime %ld.%ld flags %x", status.st_dev,
              status.st_ino, status.st_mode, status.st_nlink, status.st_rdev, status.st_size, status.st_blocks,
              status.st_mtim.tv_sec, status.st_mtim.tv_nsec, static_cast<unsigned>(fcntl(fd, F_GETFL)));
}

std::string by_path(const char* path) {
  struct stat status {};
  if (lstat(path, &status) != 0) return result(-1);
  return text("dev %lx ino %lx mode %o nlink %lu rdev %lx size %ld atime %ld mtime %ld ctime %ld", status.st_dev, status.st_ino,
              status.st_mode, status.st_nlink, status.st_rdev, status.st_size, status.st_atim.tv_nsec, status.st_mtim.tv_nsec,
              status.st_ctim.tv_nsec);
}

std::string extended(const char* path) {
  struct statx status {};
  const int answer = statx(AT_FDCWD, path, 0, STATX_ALL | 0x1000, &status);
  return result(answer) + text(": %016lx", hash_of(&status, sizeof status));
}

std::string file_system(const char* path) {
  struct statfs status {};
  const int answer = statfs(path, &status);
  return text("%d: %lx %lu %lu %d", answer, static_cast<long>(status.f_type), status.f_bfree, status.f_ffree,
              status.f_fsid.__val[0]);
}

std::string written_file() {
  const int fd = open("/tmp/written", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (write(fd, "content", 7) != 7) return result(-1);
  const auto seen = descriptor(fd);
  close(fd);
  return seen;
}

std::string open_descriptors() {
  std::string seen;
  for (int fd = 0; fd < 1024; ++fd)
    if (fcntl(fd, F_GETFD) >= 0) seen += text("%d,", fd);
  return seen;
}

std::string waiting_in_a_pipe() {
  int waiting = -1;
  const int answer = ioctl(STDOUT_FILENO, FIONREAD, &waiting);
  return result(answer) + text(" %d", waiting);
}

/// How much fits depends on how fast somebody reads.
std::string room_of_standard_output() {
  pollfd entry{STDOUT_FILENO, POLLOUT, 0};
  const int answer = poll(&entry, 1, 0);
  const int flags = fcntl(STDOUT_FILENO, F_GETFL);
  fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK);
  const int after = fcntl(STDOUT_FILENO, F_GETFL);
  fcntl(STDOUT_FILENO, F_SETFL, flags);
  return text("%d %x %x", answer, static_cast<unsigned>(entry.revents), static_cast<unsigned>(after));
}

std::string own_pipe() {
  int ends[2];
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return result(-1);
  char block[4096] = {};
  long total = 0, written;
  while ((written = write(ends[1], block, sizeof block)) > 0) total += written;
  close(ends[0]);
  close(ends[1]);
  return text("%ld", total);
}

std::string holes() {
  const int fd = open("/tmp/holes", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (pwrite(fd, "x", 1, 300'000) != 1) return result(-1);
  struct stat status {};
  fstat(fd, &status);
  const auto seen = text("%ld blocks, data at %ld", status.st_blocks, static_cast<long>(lseek(fd, 0, SEEK_DATA)));
  close(fd);
  return seen;
}

}  // namespace

void add_files(Probes& probes) {
  probes.insert(
      probes.end(),
      {{"listing of the root", [] { return listing("/", true); }},
       {"listing of /in", [] { return listing("/in", true); }},
       {"listing of /dev", [] { return listing("/dev", true); }},
       {"order of a listing",
        [] {
          fill_folder();
          return listing(folder, false);
        }},
       {"inodes and offsets in a listing", [] { return listing(folder, true); }},
       {"listing while files go away", interrupted_listing},
       {"inode of a file", [] { return of_file([](const struct stat& it) { return text("%lu", it.st_ino); }); }},
       {"device of a file", [] { return of_file([](const struct stat& it) { return text("%lx", it.st_dev); }); }},
       {"time of access",
        [] { return of_file([](const struct stat& it) { return text("%ld.%ld", it.st_atim.tv_sec, it.st_atim.tv_nsec); }); }},
       {"time of modification",
        [] { return of_file([](const struct stat& it) { return text("%ld.%ld", it.st_mtim.tv_sec, it.st_mtim.tv_nsec); }); }},
       {"time of change",
        [] { return of_file([](const struct stat& it) { return text("%ld.%ld", it.st_ctim.tv_sec, it.st_ctim.tv_nsec); }); }},
       {"blocks of a file",
        [] { return of_file([](const struct stat& it) { return text("%ld %ld", it.st_blksize, it.st_blocks); }); }},
       {"status of an input", [] { return by_path("/in/secret"); }},
       {"status of the root", [] { return by_path("/"); }},
       {"status of /out", [] { return by_path("/out"); }},
       {"status of /dev/null", [] { return by_path("/dev/null"); }},
       {"status of /dev/urandom", [] { return by_path("/dev/urandom"); }},
       {"statx of a file", [] { return extended("/tmp/probes"); }},
       {"statx of an input", [] { return extended("/in/secret"); }},
       {"file system of /tmp", [] { return file_system("/tmp"); }},
       {"file system of /in", [] { return file_system("/in"); }},
       {"a file just written", written_file},
       {"blocks and data of a sparse file", holes},
       {"standard input", [] { return descriptor(0); }},
       {"standard output", [] { return descriptor(1); }},
       {"standard error", [] { return descriptor(2); }},
       {"open descriptors", open_descriptors},
       {"bytes waiting in standard output", waiting_in_a_pipe},
       {"room in standard output", room_of_standard_output},
       {"room in a pipe of its own", own_pipe}});
}
