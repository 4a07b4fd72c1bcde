#include "sandbox/output_collection.hpp"
#include "sandbox/unique_fd.hpp"
#include "temporary_folder.hpp"

#include <catch2/catch_test_macros.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace forgepool::sandbox {
namespace {

Result<std::map<std::string, Bytes>> collect(const TemporaryFolder& folder, SandboxLimits limits = {}) {
  const UniqueFd fd(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return collect_outputs(fd.get(), limits);
}

std::string refusal(const TemporaryFolder& folder, SandboxLimits limits = {}) {
  const auto outputs = collect(folder, limits);
  return outputs ? "collected" : outputs.error().message;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("plain files are collected with their content") {
  const TemporaryFolder folder;
  folder.write("a", "first");
  folder.write("b.empty");
  const auto outputs = collect(folder);
  REQUIRE(outputs);
  CHECK(*outputs == std::map<std::string, Bytes>{{"a", to_bytes("first")}, {"b.empty", {}}});
}

TEST_CASE("an empty folder gives no outputs") {
  const TemporaryFolder folder;
  const auto outputs = collect(folder);
  REQUIRE(outputs);
  CHECK(outputs->empty());
}

TEST_CASE("links of every kind are refused") {
  const TemporaryFolder folder;
  const auto link = folder.path() + "/x";
  for (const auto target : {"/etc/passwd", "../secret", "x", "/", "missing"}) {
    REQUIRE(::symlink(target, link.c_str()) == 0);
    CHECK(has(refusal(folder), "symbolic link"));
    ::unlink(link.c_str());
  }
  folder.write("one", "1");
  REQUIRE(::link((folder.path() + "/one").c_str(), (folder.path() + "/two").c_str()) == 0);
  CHECK(has(refusal(folder), "more than one link"));
}

TEST_CASE("what is not a regular file is refused without blocking") {
  const TemporaryFolder folder;
  const auto path = folder.path() + "/x";
  REQUIRE(::mkfifo(path.c_str(), 0644) == 0);
  CHECK(has(refusal(folder), "not a regular file"));
  ::unlink(path.c_str());
  REQUIRE(::mkdir(path.c_str(), 0755) == 0);
  CHECK(has(refusal(folder), "not a regular file"));
  ::rmdir(path.c_str());

  const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  CHECK(refusal(folder) != "collected");
}

TEST_CASE("a name that is not plain is refused and not repeated in the message") {
  for (const std::string name : {".hidden", "-rf", "a\nb", "a\\b", "\xff\xfe", "a b"}) {
    const TemporaryFolder folder;
    folder.write(name);
    const auto message = refusal(folder);
    CHECK(has(message, "not plain"));
    CHECK_FALSE(has(message, name));
  }
}

TEST_CASE("sizes are bounded before anything is read") {
  const TemporaryFolder folder;
  const auto path = folder.write("sparse");
  REQUIRE(::truncate(path.c_str(), off_t{1} << 40) == 0);
  CHECK(has(refusal(folder), "larger than allowed"));

  const TemporaryFolder several;
  several.write("a", "12345");
  several.write("b", "12345");
  SandboxLimits limits;
  limits.output_bytes = 10;
  CHECK(refusal(several, limits) == "collected");
  limits.output_bytes = 9;
  CHECK(has(refusal(several, limits), "larger than allowed"));
}

TEST_CASE("the number of files is bounded") {
  const TemporaryFolder folder;
  for (int i = 0; i < 5; ++i) folder.write("f" + std::to_string(i));
  SandboxLimits limits;
  limits.output_files = 5;
  CHECK(refusal(folder, limits) == "collected");
  limits.output_files = 4;
  CHECK(has(refusal(folder, limits), "more than 4 files"));
}

TEST_CASE("a file that its owner may not read is refused, whoever collects") {
  const TemporaryFolder folder;
  const auto path = folder.write("x", "text");
  REQUIRE(::chmod(path.c_str(), 0) == 0);
  CHECK(refusal(folder) != "collected");
}

}  // namespace
}  // namespace forgepool::sandbox
