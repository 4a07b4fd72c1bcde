#include "backends.hpp"
#include "processes.hpp"
#include "sql.hpp"

#include <fstream>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

using namespace forgepool;
using namespace forgepool::test;

namespace {

Result<std::unique_ptr<Ledger>> try_open(const std::string& path, const std::string& origin = test_origin,
                                         const std::shared_ptr<Signer>& key = test_key()) {
  return open_sqlite_ledger({.path = path, .origin = origin, .key = key});
}

std::optional<ErrorKind> refusal(const Result<std::unique_ptr<Ledger>>& opened) {
  return opened ? std::nullopt : std::optional(opened.error().kind);
}

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777u : 0;
}

}  // namespace

TEST_CASE("a reopened ledger has every leaf, key and proof it had") {
  const Folder folder;
  std::uint64_t size = 0;
  State state;
  for (const std::uint64_t count : {0, 1, 255, 1, 256, 700, 3}) {
    const auto ledger = open_sqlite(folder.file());
    CHECK(ledger->head().size == size);
    CHECK(ledger->head().root == merkle_root(numbered_hashes(size)));
    CHECK(scan_all(*ledger) == state);
    for (std::uint64_t i = 0; i < size; ++i) REQUIRE(ledger->leaf(i) == numbered_leaf(i));
    if (size > 0) {
      CHECK(verify_inclusion(leaf_hash(numbered_leaf(0)), 0, ledger->head(), *ledger->prove_inclusion(0, size)));
      CHECK(verify_consistency({1, leaf_hash(numbered_leaf(0))}, ledger->head(), *ledger->prove_consistency(1, size)));
    }
    LedgerBatch batch = numbered_leaves(size, count);
    batch.writes.push_back({"run/" + std::to_string(state.size()), to_bytes(std::to_string(count))});
    state.emplace_back(batch.writes.back().key, std::to_string(count));
    REQUIRE(ledger->commit(batch));
    size += count;
  }
}

TEST_CASE("nobody but the owner can read a ledger's files") {
  const Folder folder;
  const mode_t before = ::umask(0);
  const auto ledger = open_sqlite(folder.file());
  REQUIRE(ledger->commit(numbered_leaves(0, 1)));
  ::umask(before);
  for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
    CAPTURE(suffix);
    CHECK(mode_of(folder.file() + suffix) == 0600);
  }
}

TEST_CASE("a closed ledger is one file") {
  const Folder folder;
  open_sqlite(folder.file())->commit(numbered_leaves(0, 10)).value();
  CHECK_FALSE(std::filesystem::exists(folder.file() + "-wal"));
  CHECK_FALSE(std::filesystem::exists(folder.file() + ".new"));
}

TEST_CASE("a second opener is told that there is a first") {
  const Folder folder;
  auto first = open_sqlite(folder.file());
  CHECK(refusal(try_open(folder.file())) == ErrorKind::conflict);
  std::filesystem::create_symlink(folder.file(), folder.file("alias.db"));
  CHECK(refusal(try_open(folder.file("alias.db"))) == ErrorKind::conflict);
  CHECK(exit_code_of([&] { return refusal(try_open(folder.file())) == ErrorKind::conflict ? 0 : 1; }) == 0);
  REQUIRE(first->commit(numbered_leaves(0, 3)));  // Unharmed by the attempts.
  first.reset();
  CHECK(exit_code_of([&] { return try_open(folder.file()) ? 0 : 1; }) == 0);
  CHECK(open_sqlite(folder.file())->head().size == 3);
}

TEST_CASE("a ledger is not opened in another's name or with another's key") {
  const Folder folder;
  REQUIRE(open_sqlite(folder.file())->commit(numbered_leaves(0, 3)));
  const auto other_origin = try_open(folder.file(), "pool.example/org-2");
  REQUIRE(refusal(other_origin) == ErrorKind::invalid_input);
  CHECK(other_origin.error().message.find("\"pool.example/org-1\"") != std::string::npos);
  const auto other_key = try_open(folder.file(), test_origin, *generate_key(KeyAlgorithm::ed25519));
  REQUIRE(refusal(other_key) == ErrorKind::invalid_input);
  CHECK(other_key.error().message.find(test_key()->public_key().pin().hex()) != std::string::npos);
  CHECK(open_sqlite(folder.file())->head().size == 3);
}

TEST_CASE("a ledger is not made where there is no folder, or of no name") {
  const Folder folder;
  CHECK(refusal(try_open(folder.file("missing/log.db"))) == ErrorKind::invalid_input);
  CHECK(refusal(try_open("")) == ErrorKind::invalid_input);
}

TEST_CASE("files that are no ledger, or one of a later version, are refused and left alone") {
  const Folder folder;
  std::ofstream(folder.file("text.db"))
      << "This is no database, though it is long enough to be taken for the beginning of one. " << std::string(5'000, 'x');
  CHECK(refusal(try_open(folder.file("text.db"))) == ErrorKind::corrupt);
  CHECK(std::filesystem::file_size(folder.file("text.db")) > 5'000);

  run_sql(folder.file("other.db"), "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  CHECK(refusal(try_open(folder.file("other.db"))) == ErrorKind::invalid_input);

  open_sqlite(folder.file("later.db"));
  run_sql(folder.file("later.db"), "PRAGMA user_version = 3");
  CHECK(refusal(try_open(folder.file("later.db"))) == ErrorKind::unsupported);
}

TEST_CASE("a ledger whose making was interrupted is made anew") {
  const Folder folder;
  std::ofstream(folder.file() + ".new") << "half a file";
  CHECK(open_sqlite(folder.file())->head().size == 0);
  CHECK_FALSE(std::filesystem::exists(folder.file() + ".new"));
}

TEST_CASE("a lost or emptied file is never taken for a new ledger") {
  const Folder folder;
  std::ofstream(folder.file("empty.db")).flush();
  CHECK(refusal(try_open(folder.file("empty.db"))) == ErrorKind::corrupt);
  std::ofstream(folder.file("lost.db-wal")) << "what a crash left behind";
  CHECK(refusal(try_open(folder.file("lost.db"))) == ErrorKind::corrupt);
  CHECK_FALSE(std::filesystem::exists(folder.file("lost.db")));
}

TEST_CASE("a full disk fails the commit, loses nothing that was acknowledged, and the ledger opens again") {
  const Folder folder;
  open_sqlite(folder.file());
  const Acknowledged acknowledged = run_until_exit([&](const Acknowledge& acknowledge) {
    // Stands in for the full disk: no file may grow beyond 400 kB.
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{400'000, 400'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto ledger = open_sqlite(folder.file());
    for (std::uint64_t size = 0;;) {
      const auto head = ledger->commit(numbered_leaves(size, 100));
      if (!head) {
        if (head.error().kind != ErrorKind::internal) return 2;
        // What failed once does not quietly work again.
        const auto next = ledger->commit(numbered_leaves(size, 1));
        if (next || next.error().kind != ErrorKind::internal) return 3;
        return ledger->head().size == size && ledger->leaf(size - 1) == numbered_leaf(size - 1) ? 0 : 4;
      }
      size = head->size;
      acknowledge(size);
    }
  });
  CHECK(acknowledged.exit_code == 0);
  CHECK(acknowledged.last > 0);
  const auto ledger = open_sqlite(folder.file());
  CHECK(ledger->head().size >= acknowledged.last);
  CHECK(ledger->head().size <= acknowledged.last + 100);
  CHECK(ledger->head().root == merkle_root(numbered_hashes(ledger->head().size)));
  CHECK(ledger->commit(numbered_leaves(ledger->head().size, 10)));
}
