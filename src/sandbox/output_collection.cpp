#include "sandbox/output_collection.hpp"

#include "sandbox/request_check.hpp"
#include "sandbox/unique_fd.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

namespace forgepool::sandbox {
namespace {

/// Opens an entry of `folder` itself: no link is followed and no other file system entered, whatever the name.
UniqueFd open_beneath(int folder, const char* name, std::uint64_t flags) {
  open_how how{};
  // A fifo would otherwise block until someone writes to it.
  how.flags = flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, folder, name, &how, sizeof how)));
}

/// Names as they may stand in a message: hostile ones are only described.
std::string shown(const std::string& name) {
  return is_plain_name(name) ? "\"" + name + "\"" : "an entry whose name is not plain";
}

struct Names {
  std::vector<std::string> names;
  bool too_many = false;
};

std::optional<Names> list_names(int out_fd, std::size_t max_files) {
  // Opened anew: the descriptor that was handed over shares its position with others.
  auto folder = open_beneath(out_fd, ".", O_RDONLY | O_DIRECTORY);
  if (!folder) return std::nullopt;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(folder.get()), ::closedir);
  if (!stream) return std::nullopt;
  folder.release();  // The stream owns it now.
  Names result;
  while (const auto* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (result.names.size() == max_files) {
      result.too_many = true;
      break;
    }
    result.names.emplace_back(name);
  }
  return result;
}

Result<Bytes> read_exactly(const UniqueFd& file, std::size_t size, const std::string& name) {
  Bytes content(size);
  std::size_t done = 0;
  while (done < size) {
    const auto got = ::read(file.get(), content.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(ErrorKind::invalid_input, shown(name) + " cannot be read");
    done += static_cast<std::size_t>(got);
  }
  return content;
}

Result<Bytes> collect_file(int out_fd, const std::string& name, std::uint64_t room) {
  if (!is_plain_name(name))
    return fail(ErrorKind::invalid_input,
                "a file has a name that is not plain (1-64 of A-Z a-z 0-9 . _ -, no dot or dash first)");
  const auto file = open_beneath(out_fd, name.c_str(), O_RDONLY);
  if (!file) {
    if (errno == ELOOP) return fail(ErrorKind::invalid_input, shown(name) + " is a symbolic link");
    return fail(ErrorKind::invalid_input, shown(name) + " cannot be opened: " + std::strerror(errno));
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail(ErrorKind::invalid_input, shown(name) + " cannot be examined");
  if (!S_ISREG(status.st_mode)) return fail(ErrorKind::invalid_input, shown(name) + " is not a regular file");
  if (status.st_nlink != 1) return fail(ErrorKind::invalid_input, shown(name) + " has more than one link");
  // A privileged agent could read it nevertheless; an unprivileged one could not, and both are to say the same.
  if ((status.st_mode & S_IRUSR) == 0) return fail(ErrorKind::invalid_input, shown(name) + " is not readable for its owner");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > room) return fail(ErrorKind::too_large, "the files are larger than allowed, up to and including " + shown(name));
  return read_exactly(file, static_cast<std::size_t>(size), name);
}

}  // namespace

Result<std::map<std::string, Bytes>> collect_outputs(int out_fd, const SandboxLimits& limits) {
  const auto listed = list_names(out_fd, limits.output_files);
  if (!listed) return fail(ErrorKind::invalid_input, std::string("/out cannot be listed: ") + std::strerror(errno));
  if (listed->too_many)
    return fail(ErrorKind::too_large, "more than " + std::to_string(limits.output_files) + " files in /out");
  std::map<std::string, Bytes> outputs;
  std::uint64_t room = limits.output_bytes;
  for (const auto& name : listed->names) {
    auto content = collect_file(out_fd, name, room);
    if (!content) return fail(content.error());
    room -= content->size();
    outputs.emplace(name, std::move(*content));
  }
  return outputs;
}

bool is_exhausted(int fd) {
  struct statvfs status {};
  return fd >= 0 && ::fstatvfs(fd, &status) == 0 && (status.f_bfree == 0 || status.f_ffree == 0);
}

}  // namespace forgepool::sandbox
