#include "sandbox/cgroup_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <ctime>
#include <memory>
#include <thread>
#include <vector>

namespace forgepool::sandbox {
namespace {

constexpr std::string_view group_prefix = "forgepool-";

std::string with_reason(std::string what) {
  return std::move(what) + ": " + std::strerror(errno);
}

/// "forgepool-<pid>-…" of a process that is gone.
bool is_stale(const std::string& path, std::string_view name) {
  if (!name.starts_with(group_prefix)) return false;
  const auto pid = first_number(name.substr(group_prefix.size()));
  if (pid == 0 || pid > 0x7fffffff || ::kill(static_cast<pid_t>(pid), 0) == 0 || errno != ESRCH) return false;
  // A process of another pid namespace may only look gone: leave alone what was made just now.
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && std::time(nullptr) - status.st_ctime > 60;
}

}  // namespace

int try_write(const std::string& path, std::string_view text) {
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return errno;
  ssize_t written;
  // Setting a limit of memory gives up when a signal comes, that of an ended child, say.
  do written = ::write(file.get(), text.data(), text.size());
  while (written < 0 && errno == EINTR);
  if (written < 0) return errno;
  return written == static_cast<ssize_t>(text.size()) ? 0 : EIO;
}

Status write_cgroup_file(const std::string& path, std::string_view text) {
  const int error = try_write(path, text);
  if (error == 0) return {};
  return fail(ErrorKind::unavailable, "cannot write \"" + std::string(text) + "\" to " + path + ": " + std::strerror(error));
}

Result<std::string> read_cgroup_file(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail(ErrorKind::unavailable, with_reason("cannot open " + path));
  std::string text;
  char buffer[4096];
  // Mount tables of hosts with many containers are long, but not endless.
  while (text.size() < (16u << 20)) {
    const auto got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(ErrorKind::unavailable, with_reason("cannot read " + path));
    if (got == 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

std::string reread(const UniqueFd& file) {
  char buffer[4096];
  const auto got = file ? ::pread(file.get(), buffer, sizeof buffer, 0) : -1;
  return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
}

std::uint64_t first_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return result.ec == std::errc() ? value : 0;
}

std::uint64_t number_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return first_number(line.substr(key.size() + 1));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return 0;
}

bool has_word(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const auto end = std::min(list.find_first_of(" \n"), list.size());
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

Result<GroupFolder> GroupFolder::make(const std::string& parent, const std::string& name) {
  auto path = parent + "/" + name;
  if (::mkdir(path.c_str(), 0755) != 0) return fail(ErrorKind::unavailable, with_reason("cannot make the group " + path));
  return GroupFolder(std::move(path));
}

GroupFolder::~GroupFolder() {
  if (path_.empty()) return;
  // The last process has been reaped, but the kernel may take a moment longer to let go of it.
  for (int attempt = 0; ::rmdir(path_.c_str()) != 0 && errno == EBUSY && attempt < 500; ++attempt)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

Result<UniqueFd> GroupFolder::open(const char* file, int flags) const {
  const auto path = path_ + "/" + file;
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
  if (!fd) return fail(ErrorKind::unavailable, with_reason("cannot open " + path));
  return fd;
}

std::string new_group_name() {
  static std::atomic<std::uint64_t> counter{0};
  // Numbers of processes come again, perhaps before the groups that one of them could not remove have become stale.
  const auto now_ns = std::chrono::steady_clock::now().time_since_epoch().count();
  return std::string(group_prefix) + std::to_string(getpid()) + "-" + std::to_string(now_ns) + "-" + std::to_string(++counter);
}

void remove_stale_groups(const std::string& parent) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(parent.c_str()), ::closedir);
  if (!folder) return;
  std::vector<std::string> stale;
  while (const auto* entry = ::readdir(folder.get())) {
    auto path = parent + "/" + entry->d_name;
    if (is_stale(path, entry->d_name)) stale.push_back(std::move(path));
  }
  for (const auto& path : stale) ::rmdir(path.c_str());
}

}  // namespace forgepool::sandbox
