#include "identity/key_store.hpp"

#include <forgepool/ids.hpp>

#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace forgepool::identity {
namespace {

constexpr std::size_t max_file_bytes = 1u << 20;

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  const int fd_;
};

tl::unexpected<Error> system_failure(std::string_view what, const std::string& path, int error) {
  const ErrorKind kind = error == ENOENT                                       ? ErrorKind::not_found
                         : error == EACCES || error == EPERM || error == EROFS ? ErrorKind::denied
                                                                               : ErrorKind::internal;
  return fail(kind, fmt::format("cannot {} {}: {}", what, path, std::strerror(error)));
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

class KeyDirectory final : public KeyStore {
 public:
  explicit KeyDirectory(std::string path) : path_(std::move(path)) {}

  Status put_key(std::string_view name, const PrivateKey& key) override {
    const auto pem = key.to_pem();
    if (pem.empty()) return fail(ErrorKind::internal, "a private key could not be encoded");
    return put_text(name, pem.text());
  }

  // Written under another name, made durable, then linked to its own: a crash leaves the whole file or none, and link, unlike
  // rename, fails if the name is taken.
  Status put_text(std::string_view name, std::string_view text) override {
    if (!is_valid_id(name)) return fail(ErrorKind::invalid_input, "malformed name of a key file");
    const std::string path = path_of(name), temporary = path + ".new";
    struct stat status;
    if (::lstat(path.c_str(), &status) == 0) return taken(path);
    ::unlink(temporary.c_str());  // Left by a crash.
    const File file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return system_failure("create", temporary, errno);
    const bool written = write_all(file.get(), text) && ::fsync(file.get()) == 0;
    const int write_error = errno;
    const bool linked = written && ::link(temporary.c_str(), path.c_str()) == 0;
    const int link_error = errno;
    ::unlink(temporary.c_str());
    if (!written) return system_failure("write", temporary, write_error);
    if (!linked) return link_error == EEXIST ? Status(taken(path)) : Status(system_failure("create", path, link_error));
    const File directory(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) return system_failure("make durable", path_, errno);
    return {};
  }

  Result<std::shared_ptr<Signer>> signer(std::string_view name) const override {
    auto pem = read(name, true);
    if (!pem) return fail(pem.error());
    const SecretBytes secret(to_bytes(*pem));
    wipe({reinterpret_cast<std::uint8_t*>(pem->data()), pem->size()});
    auto signer = signer_from_pem(secret.text());
    if (!signer) return fail(ErrorKind::corrupt, fmt::format("{}: {}", path_of(name), signer.error().message));
    return signer;
  }

  Result<std::string> text(std::string_view name) const override { return read(name, false); }

 private:
  std::string path_of(std::string_view name) const { return fmt::format("{}/{}", path_, name); }

  static tl::unexpected<Error> taken(const std::string& path) {
    return fail(ErrorKind::conflict,
                path + " exists already, and keys are never overwritten: choose another directory, or move the old files away");
  }

  Result<std::string> read(std::string_view name, bool secret) const {
    if (!is_valid_id(name)) return fail(ErrorKind::invalid_input, "malformed name of a key file");
    const std::string path = path_of(name);
    // Not to hang on a pipe that somebody put there.
    const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) return system_failure("open", path, errno);
    struct stat status;
    if (::fstat(file.get(), &status) != 0) return system_failure("read", path, errno);
    if (!S_ISREG(status.st_mode)) return fail(ErrorKind::corrupt, path + " is not a file");
    if (secret && (status.st_mode & 077) != 0)
      return fail(
          ErrorKind::denied,
          fmt::format("{} is a private key that others can read or change (mode {:04o}): run chmod 600 on it, and consider "
                      "whether the key is still secret",
                      path, status.st_mode & 07777));
    if (static_cast<std::uint64_t>(status.st_size) > max_file_bytes)
      return fail(ErrorKind::too_large,
                  fmt::format("{} has {} bytes; at most {} are expected", path, status.st_size, max_file_bytes));
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t at = 0;
    while (at < text.size()) {
      const auto got = ::read(file.get(), text.data() + at, text.size() - at);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_failure("read", path, errno);
      if (got == 0) break;
      at += static_cast<std::size_t>(got);
    }
    text.resize(at);
    return text;
  }

  const std::string path_;
};

}  // namespace

Result<std::unique_ptr<KeyStore>> make_key_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return system_failure("create the directory", path, errno);
  return open_key_directory(path);
}

Result<std::unique_ptr<KeyStore>> open_key_directory(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return system_failure("open", path, errno);
  if (!S_ISDIR(status.st_mode)) return fail(ErrorKind::conflict, path + " is not a directory: name a directory for the keys");
  if ((status.st_mode & 022) != 0)
    return fail(ErrorKind::denied,
                fmt::format("{} can be changed by others (mode {:04o}): run chmod 700 on it, or choose another directory", path,
                            status.st_mode & 07777));
  return std::make_unique<KeyDirectory>(path);
}

}  // namespace forgepool::identity
