#include "ledger/file_io.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace forgepool::file_io {
namespace {

struct Closer {
  int file;
  ~Closer() {
    if (file >= 0) ::close(file);
  }
};

/// Of a file that is there, or not_found.
Result<int> open_to_read(const std::string& path) {
  // To note when a file was read costs as much as reading a tile; only its owner may ask not to.
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOATIME);
  if (file < 0 && errno == EPERM) file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file >= 0) return file;
  if (errno == ENOENT || errno == ENOTDIR) return fail(ErrorKind::not_found, path + " is missing");
  return failed("open", path);
}

/// Fills `buffer`, but for the end of the file.
Result<std::size_t> read_into(int file, std::span<std::uint8_t> buffer, const std::string& path) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t got = ::read(file, buffer.data() + done, buffer.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", path);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace

tl::unexpected<Error> failed(std::string_view what, const std::string& path) {
  return fail(ErrorKind::internal, "cannot " + std::string(what) + " " + path + ": " + std::strerror(errno));
}

Status write_all(int file, ByteView bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed("write to", path);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Status write_all_at(int file, ByteView bytes, std::uint64_t offset, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return failed("write to", path);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return {};
}

Result<Bytes> read_whole(const std::string& path, std::uint64_t limit) {
  const auto opened = open_to_read(path);
  if (!opened) return fail(opened.error());
  const Closer file{*opened};
  struct stat status {};
  if (::fstat(file.file, &status) != 0) return failed("look at", path);
  if (static_cast<std::uint64_t>(status.st_size) > limit)
    return fail(ErrorKind::too_large, path + " has " + std::to_string(status.st_size) + " bytes, at most " +
                                          std::to_string(limit) + " were expected");
  Bytes bytes(static_cast<std::size_t>(status.st_size));
  const auto got = read_into(file.file, bytes, path);
  if (!got) return fail(got.error());
  if (*got < bytes.size()) return fail(ErrorKind::internal, path + " became shorter while it was read");
  return bytes;
}

Result<std::size_t> read_start(const std::string& path, std::span<std::uint8_t> buffer) {
  const auto opened = open_to_read(path);
  if (!opened) return fail(opened.error());
  const Closer file{*opened};
  return read_into(file.file, buffer, path);
}

Status replace(const std::string& path, ByteView bytes, unsigned mode, bool durable) {
  const std::string unfinished = path + ".new";
  {
    const Closer file{::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)};
    if (file.file < 0) return failed("create", unfinished);
    if (auto written = write_all(file.file, bytes, unfinished); !written) return written;
    if (durable && ::fsync(file.file) != 0) return failed("make durable", unfinished);
  }
  if (::rename(unfinished.c_str(), path.c_str()) != 0) return failed("move into place", unfinished);
  return durable ? sync_path(folder_of(path)) : Status{};
}

Status sync_path(const std::string& path) {
  const Closer file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.file < 0 || ::fsync(file.file) != 0) return failed("make durable", path);
  return {};
}

std::string folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

}  // namespace forgepool::file_io
