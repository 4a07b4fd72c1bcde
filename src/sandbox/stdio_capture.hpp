#pragma once
/// What a program writes to standard output or error: its start is kept, the rest is read and dropped, so that a flood neither
/// fills memory nor blocks the program.
#include "sandbox/unique_fd.hpp"

#include <forgepool/bytes.hpp>

namespace forgepool::sandbox {

class StdioCapture {
 public:
  /// `internal` if no pipe can be made.
  static Result<StdioCapture> open(std::uint64_t max_bytes);

  int read_fd() const { return read_.get(); }  ///< -1 when the end has been reached.
  int write_fd() const { return write_.get(); }
  void close_write_end() { write_.reset(); }
  /// Takes what is there now, at most one pipe full of it. Never blocks. False if there was nothing.
  bool take();
  Bytes release() { return std::move(kept_); }

 private:
  UniqueFd read_;
  UniqueFd write_;
  std::uint64_t max_bytes_ = 0;
  Bytes kept_;
};

}  // namespace forgepool::sandbox
