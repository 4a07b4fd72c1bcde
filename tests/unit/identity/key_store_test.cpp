#include "identity/key_store.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

using namespace forgepool;
using namespace forgepool::identity;
namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = fs::temp_directory_path() / "forgepool-keys-XXXXXX";
    path = ::mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path); }
  fs::path path;
};

unsigned mode_of(const fs::path& path) {
  return static_cast<unsigned>(fs::status(path).permissions()) & 0777u;
}

void check_store(KeyStore& store) {
  const auto key = *PrivateKey::generate(KeyAlgorithm::ed25519);
  REQUIRE(store.put_key("node.key", key));
  REQUIRE(store.put_text("note.txt", "text\n"));
  CHECK((*store.signer("node.key"))->public_key() == key.public_key());
  CHECK(verify_signature(key.public_key(), as_bytes("m"), *(*store.signer("node.key"))->sign(as_bytes("m"))));
  CHECK(store.text("note.txt") == "text\n");
  CHECK(store.put_key("node.key", *PrivateKey::generate(KeyAlgorithm::ed25519)).error().kind == ErrorKind::conflict);
  CHECK(store.put_text("node.key", "x").error().kind == ErrorKind::conflict);
  CHECK(store.put_text("note.txt", "x").error().kind == ErrorKind::conflict);
  CHECK((*store.signer("node.key"))->public_key() == key.public_key());
  CHECK(store.signer("missing").error().kind == ErrorKind::not_found);
  CHECK(store.text("missing").error().kind == ErrorKind::not_found);
  CHECK(store.signer("note.txt").error().kind == ErrorKind::corrupt);
  for (const char* bad : {"", "../x", "a/b", ".hidden"}) {
    CHECK(store.put_text(bad, "x").error().kind == ErrorKind::invalid_input);
    CHECK_FALSE(store.text(bad));
    CHECK_FALSE(store.signer(bad));
  }
}

}  // namespace

TEST_CASE("keys and texts are kept, never overwritten, and missing ones are not found") {
  SECTION("in memory") {
    check_store(*make_memory_key_store());
  }
  SECTION("in a directory") {
    const Folder folder;
    check_store(**make_key_directory(folder.path / "keys"));
  }
}

TEST_CASE("files are for their owner alone, and nothing is left beside them") {
  const Folder folder;
  const auto path = folder.path / "keys";
  const auto old_mask = ::umask(0);
  const auto store = make_key_directory(path);
  REQUIRE(store);
  REQUIRE((*store)->put_key("node.key", *PrivateKey::generate(KeyAlgorithm::ecdsa_p256)));
  ::umask(old_mask);
  CHECK(mode_of(path) == 0700);
  CHECK(mode_of(path / "node.key") == 0600);
  CHECK(std::distance(fs::directory_iterator(path), fs::directory_iterator()) == 1);
}

TEST_CASE("a file left by a crash is in nobody's way") {
  const Folder folder;
  std::ofstream(folder.path / "node.key.new") << "half";
  const auto store = make_key_directory(folder.path);
  REQUIRE((*store)->put_text("node.key", "whole"));
  CHECK((*store)->text("node.key") == "whole");
  CHECK_FALSE(fs::exists(folder.path / "node.key.new"));
}

TEST_CASE("a key that others can read, and a directory that others can change, are refused with what to do") {
  const Folder folder;
  const auto store = make_key_directory(folder.path);
  REQUIRE((*store)->put_key("node.key", *PrivateKey::generate(KeyAlgorithm::ed25519)));
  fs::permissions(folder.path / "node.key", fs::perms(0640));
  const auto signer = (*store)->signer("node.key");
  REQUIRE_FALSE(signer);
  CHECK(signer.error().kind == ErrorKind::denied);
  CHECK(signer.error().message.find((folder.path / "node.key").string()) != std::string::npos);
  CHECK(signer.error().message.find("chmod 600") != std::string::npos);
  fs::permissions(folder.path, fs::perms(0777));
  CHECK(open_key_directory(folder.path).error().kind == ErrorKind::denied);
}

TEST_CASE("paths that are no key directory are refused") {
  const Folder folder;
  CHECK(open_key_directory(folder.path / "missing").error().kind == ErrorKind::not_found);
  CHECK_FALSE(fs::exists(folder.path / "missing"));
  CHECK(make_key_directory(folder.path / "no" / "parent").error().kind == ErrorKind::not_found);
  std::ofstream(folder.path / "file") << "x";
  CHECK(make_key_directory(folder.path / "file").error().kind == ErrorKind::conflict);
}

TEST_CASE("links, pipes and oversized files in place of a key are refused and do not block") {
  const Folder folder;
  const auto store = make_key_directory(folder.path);
  ::mkfifo((folder.path / "pipe.key").c_str(), 0600);
  CHECK((*store)->signer("pipe.key").error().kind == ErrorKind::corrupt);
  fs::create_directory(folder.path / "dir.key");
  CHECK_FALSE((*store)->signer("dir.key"));
  // A link that leads nowhere still takes the name: creating through it would write elsewhere.
  fs::create_symlink(folder.path / "elsewhere", folder.path / "link.key");
  CHECK((*store)->put_text("link.key", "x").error().kind == ErrorKind::conflict);
  CHECK_FALSE(fs::exists(folder.path / "elsewhere"));
  std::ofstream(folder.path / "big.key") << std::string((1u << 20) + 1, 'x');
  CHECK((*store)->text("big.key").error().kind == ErrorKind::too_large);
}
