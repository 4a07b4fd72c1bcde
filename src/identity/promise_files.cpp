/// forgepool/promise.hpp: the promises that an agent keeps. Appended, not synced: one that a crash loses is one that is missed.
#include <forgepool/promise.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace forgepool {
namespace {

constexpr std::uintmax_t max_file_bytes = 1u << 20;

std::string newest(const std::string& directory) {
  return directory + "/promises.jsonl";
}
std::string before(const std::string& directory) {
  return directory + "/promises.old.jsonl";
}

}  // namespace

Status keep_promise(const std::string& directory, std::string_view promise) {
  const std::string path = newest(directory);
  std::error_code error;
  if (const auto size = std::filesystem::file_size(path, error); !error && size + promise.size() + 1 > max_file_bytes) {
    std::filesystem::rename(path, before(directory), error);
    if (error) return fail(ErrorKind::internal, path + ": cannot be set aside: " + error.message());
  }
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return fail(ErrorKind::internal, path + ": " + std::strerror(errno));
  const std::string line = std::string(promise) + "\n";
  const auto written = ::write(file, line.data(), line.size());
  const int failed = errno;
  ::close(file);
  if (written != static_cast<ssize_t>(line.size()))
    return fail(ErrorKind::internal,
                path + ": cannot be written: " + (written < 0 ? std::strerror(failed) : "the disk is full"));
  return {};
}

Result<std::vector<std::string>> kept_promises(const std::string& directory) {
  std::vector<std::string> promises;
  for (const auto& path : {before(directory), newest(directory)}) {
    std::ifstream file(path);
    std::error_code error;
    if (!file && std::filesystem::exists(path, error)) return fail(ErrorKind::denied, path + ": cannot be read");
    for (std::string line; std::getline(file, line);)
      if (!line.empty()) promises.push_back(std::move(line));
  }
  return promises;
}

}  // namespace forgepool
