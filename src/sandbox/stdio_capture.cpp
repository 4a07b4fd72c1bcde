#include "sandbox/stdio_capture.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace forgepool::sandbox {

Result<StdioCapture> StdioCapture::open(std::uint64_t max_bytes) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0)
    return fail(ErrorKind::internal, std::string("no pipe for the program's output: ") + std::strerror(errno));
  StdioCapture capture;
  capture.read_ = UniqueFd(fds[0]);
  capture.write_ = UniqueFd(fds[1]);
  // Our end only: O_NONBLOCK belongs to the open file, and the two ends are two. A program expects its own to block.
  fcntl(fds[0], F_SETFL, O_NONBLOCK);
  capture.max_bytes_ = max_bytes;
  return capture;
}

bool StdioCapture::take() {
  std::uint8_t buffer[65536];
  while (read_) {
    const auto got = ::read(read_.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;  // EAGAIN: the pipe is empty.
    if (got == 0) {
      read_.reset();
      return false;
    }
    const auto room = max_bytes_ - kept_.size();
    kept_.insert(kept_.end(), buffer, buffer + std::min<std::uint64_t>(room, static_cast<std::uint64_t>(got)));
    return true;
  }
  return false;
}

}  // namespace forgepool::sandbox
