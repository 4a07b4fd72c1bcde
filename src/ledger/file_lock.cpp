#include "ledger/file_lock.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace forgepool {

Result<FileLock> FileLock::take(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0)
    return fail(ErrorKind::invalid_input,
                "cannot open the lock " + path + ": " + std::strerror(errno) + "; the folder must exist and be writable");
  FileLock lock(file);
  // flock and not fcntl: it also keeps a second opener in this process out, and survives other descriptors being closed.
  int locked;
  do locked = ::flock(file, LOCK_EX | LOCK_NB);
  while (locked != 0 && errno == EINTR);
  if (locked == 0) return lock;
  if (errno == EWOULDBLOCK)
    return fail(ErrorKind::conflict,
                "the lock " + path + " is held: another process, or another object of this one, has the ledger open");
  return fail(ErrorKind::internal, "cannot take the lock " + path + ": " + std::strerror(errno));
}

FileLock::~FileLock() {
  if (file_ >= 0) ::close(file_);
}

}  // namespace forgepool
