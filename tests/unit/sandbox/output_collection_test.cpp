#include "sandbox/output_collection.hpp"
#include "sandbox/unique_fd.hpp"
#include "temporary_folder.hpp"

#include <catch2/catch_test_macros.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <atomic>
#include <cstdio>
#include <thread>

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

/// Goes on exchanging the entry "x" of a folder with others until it is destroyed.
class Swapper {
 public:
  Swapper(std::string folder, std::vector<std::string> others)
      : folder_(std::move(folder)), others_(std::move(others)), thread_([this] { swap(); }) {}
  ~Swapper() {
    stop_ = true;
    thread_.join();
  }

 private:
  void swap() {
    for (std::size_t turn = 0; !stop_; ++turn)
      ::renameat2(AT_FDCWD, (folder_ + "/x").c_str(), AT_FDCWD, others_[turn % others_.size()].c_str(), RENAME_EXCHANGE);
  }

  const std::string folder_;
  const std::vector<std::string> others_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

TEST_CASE(
    "a folder whose entries are exchanged while it is collected gives nothing from outside, and never more than allowed") {
  const TemporaryFolder folder, outside;
  const auto secret = outside.write("secret", "secret");
  folder.write("x", "inside");
  const auto link = outside.path() + "/link", pipe = outside.path() + "/pipe", second = outside.path() + "/second";
  REQUIRE(::symlink(secret.c_str(), link.c_str()) == 0);
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  REQUIRE(::link(secret.c_str(), second.c_str()) == 0);
  const auto large = outside.write("large");
  REQUIRE(::truncate(large.c_str(), 1l << 40) == 0);
  REQUIRE(::mkdir((outside.path() + "/folder").c_str(), 0700) == 0);
  outside.write("other", "inside");

  SandboxLimits limits;
  limits.output_bytes = 64;
  int collected = 0, refused = 0;
  const Swapper swapper(folder.path(), {link, outside.path() + "/other", pipe, second, large, outside.path() + "/folder"});
  for (int i = 0; i < 200'000 && (i < 5000 || collected < 100 || refused < 100); ++i) {
    const auto outputs = collect(folder, limits);
    if (!outputs) {
      ++refused;
      continue;
    }
    ++collected;
    if (*outputs != std::map<std::string, Bytes>{{"x", to_bytes("inside")}}) FAIL("collection " << i << " gave something else");
  }
  INFO(collected << " collected, " << refused << " refused");
  CHECK(collected > 0);
  CHECK(refused > 0);
}

}  // namespace
}  // namespace forgepool::sandbox
