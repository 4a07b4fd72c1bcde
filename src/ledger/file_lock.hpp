#pragma once
/// Keeps other processes, and other ledgers of this one, off a ledger's files for as long as the object lives. The kernel lets
/// go of the lock when its holder dies.
#include <forgepool/result.hpp>

namespace forgepool {

class FileLock {
 public:
  /// Takes the lock `path`, which is created (mode 0600) and stays. `conflict` if somebody holds it; never waits.
  static Result<FileLock> take(const std::string& path);

  FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int file) : file_(file) {}

  int file_ = -1;
};

}  // namespace forgepool
