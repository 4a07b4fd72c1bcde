// What only a directory of files can get wrong: permissions, crashes, what lies in the way, passphrases.
#include "backends.hpp"

#include <forgepool/backends/file_key_store.hpp>

#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <iterator>

#include <sys/stat.h>
#include <unistd.h>

using namespace forgepool;
using forgepool::testing::Folder;
namespace fs = std::filesystem;

namespace {

constexpr Time now = Time(std::chrono::seconds(1'800'000'000));
constexpr KeyId first{KeyPurpose::node, 1};

unsigned mode_of(const fs::path& path) {
  return static_cast<unsigned>(fs::status(path).permissions()) & 0777u;
}

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("files are for their owner alone, and nothing is left beside them") {
  const Folder folder;
  const auto path = folder.path / "keys";
  const auto old_mask = ::umask(0);
  const auto store = make_file_key_store({path});
  REQUIRE(store);
  REQUIRE((*store)->generate(KeyPurpose::node, now));
  ::umask(old_mask);
  CHECK(mode_of(path) == 0700);
  CHECK(mode_of(path / "node-1.key") == 0600);
  CHECK(std::distance(fs::directory_iterator(path), fs::directory_iterator()) == 1);
}

TEST_CASE("a file left by a crash is in nobody's way") {
  const Folder folder;
  std::ofstream(folder.path / "node-1.key.new") << "half";
  std::ofstream(folder.path / "content-3.destroyed.new") << "";
  std::ofstream(folder.path / "note.new") << "half";
  const auto store = make_file_key_store({folder.path});
  CHECK((*store)->keys()->empty());
  // It may hold a secret, which nobody would ever destroy.
  CHECK_FALSE(fs::exists(folder.path / "node-1.key.new"));
  CHECK_FALSE(fs::exists(folder.path / "content-3.destroyed.new"));
  std::ofstream(folder.path / "node-1.key.new") << "half";
  REQUIRE((*store)->put_text("note", "whole"));
  CHECK((*store)->text("note") == "whole");
  REQUIRE((*store)->generate(KeyPurpose::node, now));
  CHECK((*store)->signer(first));
  CHECK_FALSE(fs::exists(folder.path / "node-1.key.new"));
}

TEST_CASE("a key whose writer was killed before its other name was gone is whole, and is destroyed whole") {
  const Folder folder;
  const auto store = make_file_key_store({folder.path});
  REQUIRE((*store)->generate(KeyPurpose::node, now));
  const auto key = folder.path / "node-1.key", besides = folder.path / "node-1.key.new";
  fs::create_hard_link(key, besides);
  CHECK((*store)->keys()->size() == 1);
  CHECK_FALSE(fs::exists(besides));
  CHECK((*store)->signer(first));

  const std::string whole = content_of(key);
  fs::create_hard_link(key, besides);
  REQUIRE((*store)->destroy(first));
  if (fs::exists(besides)) CHECK(content_of(besides) == std::string(whole.size(), '\0'));
  CHECK((*store)->keys()->empty());
  CHECK_FALSE(fs::exists(besides));
}

TEST_CASE("the destruction of a key that a crash has interrupted is finished") {
  const Folder folder;
  const auto store = make_file_key_store({folder.path});
  const auto doomed = (*store)->generate(KeyPurpose::content, now), other = (*store)->generate(KeyPurpose::content, now);
  REQUIRE(doomed);
  REQUIRE(other);
  const auto key = folder.path / (doomed->id.str() + ".key"), mark = folder.path / (doomed->id.str() + ".destroyed");
  const std::string whole = content_of(key);
  // Marked; overwritten in part; overwritten.
  for (const std::string& left : {whole, std::string(9, '\0') + whole.substr(9), std::string(whole.size(), '\0')}) {
    std::ofstream(mark, std::ios::binary) << "";
    std::ofstream(key, std::ios::binary) << left;
    const auto keys = (*open_file_key_store({folder.path}))->keys();
    REQUIRE(keys);
    REQUIRE(keys->size() == 1);
    CHECK(keys->front().id == other->id);
    CHECK_FALSE(fs::exists(key));
    CHECK(fs::exists(mark));
  }
}

TEST_CASE("a key that others can read, and a directory that others can change, are refused with what to do") {
  const Folder folder;
  const auto store = make_file_key_store({folder.path});
  REQUIRE((*store)->generate(KeyPurpose::node, now));
  fs::permissions(folder.path / "node-1.key", fs::perms(0640));
  const auto signer = (*store)->signer(first);
  REQUIRE_FALSE(signer);
  CHECK(signer.error().kind == ErrorKind::denied);
  CHECK(signer.error().message.find((folder.path / "node-1.key").string()) != std::string::npos);
  CHECK(signer.error().message.find("chmod 600") != std::string::npos);
  fs::permissions(folder.path, fs::perms(0777));
  CHECK(open_file_key_store({folder.path}).error().kind == ErrorKind::denied);
}

TEST_CASE("paths that are no key directory are refused") {
  const Folder folder;
  CHECK(open_file_key_store({folder.path / "missing"}).error().kind == ErrorKind::not_found);
  CHECK_FALSE(fs::exists(folder.path / "missing"));
  CHECK(make_file_key_store({folder.path / "no" / "parent"}).error().kind == ErrorKind::not_found);
  std::ofstream(folder.path / "file") << "x";
  CHECK(make_file_key_store({folder.path / "file"}).error().kind == ErrorKind::conflict);
}

TEST_CASE("links, pipes and oversized files in place of a key are refused and do not block") {
  const Folder folder;
  const auto store = make_file_key_store({folder.path});
  ::mkfifo((folder.path / "node-1.key").c_str(), 0600);
  CHECK((*store)->signer(first).error().kind == ErrorKind::corrupt);
  fs::create_directory(folder.path / "node-2.key");
  CHECK_FALSE((*store)->signer({KeyPurpose::node, 2}));
  // A link that leads nowhere still takes the name: creating through it would write elsewhere.
  fs::create_symlink(folder.path / "elsewhere", folder.path / "link");
  CHECK((*store)->put_text("link", "x").error().kind == ErrorKind::conflict);
  CHECK_FALSE(fs::exists(folder.path / "elsewhere"));
  std::ofstream(folder.path / "big") << std::string((1u << 20) + 1, 'x');
  CHECK((*store)->text("big").error().kind == ErrorKind::too_large);
}

TEST_CASE("what is no key, or a key of another algorithm than its purpose, is corrupt") {
  const Folder folder;
  const auto store = make_file_key_store({folder.path});
  REQUIRE((*store)->generate(KeyPurpose::token, now));
  const auto good = content_of(folder.path / "token-1.key");
  std::ofstream(folder.path / "node-1.key") << good;
  fs::permissions(folder.path / "node-1.key", fs::perms(0600));
  CHECK((*store)->signer(first).error().kind == ErrorKind::corrupt);
  for (const std::string& bad : {std::string(), std::string("nonsense"), good.substr(good.find('\n') + 1),
                                 "Made: soon\n" + good.substr(good.find('\n') + 1), good.substr(0, good.size() / 2)}) {
    std::ofstream(folder.path / "token-1.key", std::ios::trunc) << bad;
    CHECK((*store)->signer({KeyPurpose::token, 1}).error().kind == ErrorKind::corrupt);
  }
}

TEST_CASE("encrypted keys open under their passphrase alone, each in its own place") {
  const Folder folder;
  const std::string path = folder.path / "keys", word = "correct horse";
  {
    const auto store = make_file_key_store({path, word});
    REQUIRE(store);
    REQUIRE((*store)->generate(KeyPurpose::node, now));
    REQUIRE((*store)->generate(KeyPurpose::node, now));
  }
  const auto sealed = content_of(folder.path / "keys" / "node-1.key");
  CHECK(sealed.find("PRIVATE KEY") == std::string::npos);
  CHECK(open_file_key_store({path}).error().kind == ErrorKind::denied);
  CHECK(open_file_key_store({path, "battery staple"}).error().kind == ErrorKind::denied);
  CHECK(open_file_key_store({path, word + "x"}).error().kind == ErrorKind::denied);
  const auto store = open_file_key_store({path, word});
  REQUIRE(store);
  REQUIRE((*store)->signer(first));

  // One sealed key in the place of another, and one changed, do not open.
  fs::copy_file(folder.path / "keys" / "node-2.key", folder.path / "keys" / "node-1.key", fs::copy_options::overwrite_existing);
  CHECK((*store)->signer(first).error().kind == ErrorKind::corrupt);
  auto changed = sealed;
  changed[changed.find("\"sealed\":\"") + 20] ^= 1;
  std::ofstream(folder.path / "keys" / "node-1.key", std::ios::trunc) << changed;
  CHECK((*store)->signer(first).error().kind == ErrorKind::corrupt);
  std::ofstream(folder.path / "keys" / "node-1.key", std::ios::trunc) << sealed;
  CHECK((*store)->signer(first));

  // A plain store is not one that a passphrase opens.
  const std::string plain = folder.path / "plain";
  REQUIRE(make_file_key_store({plain}));
  CHECK(open_file_key_store({plain, word}).error().kind == ErrorKind::denied);
}
