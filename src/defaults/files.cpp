#include <forgepool/defaults.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <sys/stat.h>
#include <unistd.h>

namespace forgepool {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

tl::unexpected<Error> file_error(const std::string& what, const std::string& path) {
  const auto kind = errno == ENOENT ? ErrorKind::not_found : errno == EACCES ? ErrorKind::denied : ErrorKind::internal;
  return fail(kind, "cannot " + what + " " + path + ": " + std::strerror(errno));
}

}  // namespace

Result<Bytes> read_file(const std::string& path, std::size_t max_bytes) {
  const File file(std::fopen(path.c_str(), "rbe"));
  if (!file) return file_error("open", path);
  struct stat status {};
  if (::fstat(::fileno(file.get()), &status) == 0 && S_ISDIR(status.st_mode))
    return fail(ErrorKind::invalid_input, path + " is a directory; expected a file");
  Bytes content;
  std::array<std::uint8_t, 65536> buffer;
  while (const auto count = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    content.insert(content.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(count));
    if (content.size() > max_bytes)
      return fail(ErrorKind::too_large, path + " is larger than " + std::to_string(max_bytes) + " bytes");
  }
  if (std::ferror(file.get())) return file_error("read", path);
  return content;
}

Result<std::string> read_secret_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return file_error("open", path);
  if (S_ISREG(status.st_mode) && (status.st_mode & 077) != 0)
    return fail(ErrorKind::denied, path + " holds a secret that others can read: run chmod 600 on it");
  const auto content = read_file(path, 64u << 10);
  if (!content) return fail(content.error());
  std::string text = to_text(*content);
  if (text.ends_with('\n')) text.pop_back();
  if (text.empty() || text.find('\n') != std::string::npos)
    return fail(ErrorKind::invalid_input, path + ": expected one line that is not empty");
  return text;
}

Status write_file(const std::string& path, ByteView content) {
  const std::string partial = path + ".partial-" + std::to_string(::getpid());
  {
    const File file(std::fopen(partial.c_str(), "wbe"));
    if (!file) return file_error("create", partial);
    if (std::fwrite(content.data(), 1, content.size(), file.get()) != content.size() || std::fflush(file.get()) != 0 ||
        ::fsync(::fileno(file.get())) != 0) {
      const auto error = file_error("write", partial);
      ::unlink(partial.c_str());
      return error;
    }
  }
  if (std::rename(partial.c_str(), path.c_str()) != 0) {
    const auto error = file_error("rename into place", path);
    ::unlink(partial.c_str());
    return error;
  }
  return {};
}

Result<std::shared_ptr<const AdapterPackage>> load_adapter(const std::string& path) {
  auto bytes = read_file(path, max_adapter_package_bytes);
  if (!bytes) return fail(bytes.error());
  auto package = open_adapter(std::move(*bytes));
  if (!package) return fail(package.error().kind, path + ": " + package.error().message);
  return package;
}

}  // namespace forgepool
