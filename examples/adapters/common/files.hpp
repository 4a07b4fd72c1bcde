#pragma once
/// What an adapter's program does with files: parameters and inputs from /in, one result to /out. For trying a program outside
/// a sandbox, "--in DIR --out DIR" names other folders.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace adapter_program {

/// Ends the program with a reason on standard error. Exit code 2: the parameters or the machine are at fault, not the work.
[[noreturn]] inline void give_up(std::string_view reason) {
  const std::string line = std::string(reason) + "\n";
  if (::write(2, line.data(), line.size()) < 0) std::_Exit(3);
  std::_Exit(2);
}

struct Folders {
  std::string in = "/in";
  std::string out = "/out";
};

inline Folders folders_from(int argc, char** argv) {
  Folders folders;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view option = argv[i];
    if (i + 1 == argc || (option != "--in" && option != "--out")) give_up("usage: [--in DIR] [--out DIR]");
    (option == "--in" ? folders.in : folders.out) = argv[i + 1];
  }
  return folders;
}

inline std::string read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) give_up("cannot open " + path + ": " + std::strerror(errno));
  std::string content;
  char buffer[65536];
  for (;;) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) give_up("cannot read " + path + ": " + std::strerror(errno));
    if (count == 0) break;
    content.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(fd);
  return content;
}

/// Must not exist yet: nothing that ran before may have put something in its place.
inline void write_file(const std::string& path, std::string_view content) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) give_up("cannot create " + path + ": " + std::strerror(errno));
  while (!content.empty()) {
    const ssize_t count = ::write(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) give_up("cannot write " + path + ": " + std::strerror(errno));
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::close(fd) != 0) give_up("cannot write " + path + ": " + std::strerror(errno));
}

}  // namespace adapter_program
