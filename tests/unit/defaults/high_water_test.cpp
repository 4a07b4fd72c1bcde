// The head of a hub's ledger is kept beside its data directory: an older copy is noticed before it forks the log.
#include "defaults/high_water.hpp"

#include <forgepool/backends/memory_ledger.hpp>
#include <forgepool/defaults.hpp>

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <vector>

#include <unistd.h>

using namespace forgepool;

namespace {

template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}

struct Folder {
  Folder() {
    char name[] = "/tmp/forgepool-head-XXXXXX";
    REQUIRE(::mkdtemp(name));
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file() const { return path + "/hub.head"; }
  std::string path;
};

class Warnings final : public LogSink {
 public:
  void write(LogLevel level, std::string_view event, const std::vector<LogField>&) override {
    if (level == LogLevel::warning) last = event;
  }
  std::string last;
};

struct Pool {
  HubIdentity identity = must(make_hub_identity("head.test", Time(std::chrono::sys_days(std::chrono::January / 1 / 2026))));
  Warnings log;

  /// With leaves named after these.
  std::unique_ptr<Ledger> ledger(const std::vector<const char*>& leaves) const {
    auto made = must(make_memory_ledger(identity.trust_domain, identity.log_key));
    for (const char* leaf : leaves) must(made->commit({{to_bytes(leaf)}, {}}));
    return made;
  }
  Result<std::unique_ptr<Ledger>> open(std::unique_ptr<Ledger> ledger, const std::string& file) {
    return keep_high_water(std::move(ledger), identity, file, log);
  }
};

}  // namespace

TEST_CASE("a ledger that goes on where it was is opened, again and again") {
  const Folder folder;
  Pool pool;
  auto first = must(pool.open(pool.ledger({"a"}), folder.file()));
  must(first->commit({{to_bytes("b"), to_bytes("c")}, {}}));
  first.reset();
  CHECK(pool.open(pool.ledger({"a", "b", "c"}), folder.file()));
  CHECK(pool.open(pool.ledger({"a", "b", "c", "d"}), folder.file()));
}

TEST_CASE("an older copy and another tree are refused, with what to do") {
  const Folder folder;
  Pool pool;
  auto ledger = must(pool.open(pool.ledger({}), folder.file()));
  for (const char* leaf : {"a", "b", "c"}) must(ledger->commit({{to_bytes(leaf)}, {}}));
  must(ledger->checkpoint());
  ledger.reset();
  const std::vector<std::vector<const char*>> others{{"a", "b"}, {}, {"a", "x", "c", "d"}};
  for (const auto& leaves : others) {
    const auto refused = pool.open(pool.ledger(leaves), folder.file());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::conflict);
    CHECK(refused.error().message.find("remove " + folder.file()) != std::string::npos);
  }
  // Refusing changes nothing.
  CHECK(pool.open(pool.ledger({"a", "b", "c"}), folder.file()));
}

TEST_CASE("a copy from before the log's key was replaced is noticed, too") {
  const Folder folder;
  Pool pool;
  const auto before = pool.identity;
  auto ledger = must(pool.open(pool.ledger({"a", "b"}), folder.file()));
  REQUIRE(rotate_key(pool.identity, KeyPurpose::log, Time(std::chrono::sys_days(std::chrono::January / 2 / 2026))));
  REQUIRE(ledger->use_keys(pool.identity.log_key, {before.log_key}));
  must(ledger->commit({{to_bytes("c")}, {}}));
  ledger.reset();
  Pool restored;
  restored.identity = before;
  CHECK_FALSE(restored.open(restored.ledger({"a", "b"}), folder.file()));
}

TEST_CASE("what another pool left in the place is replaced; what is no such file is not") {
  const Folder folder;
  Pool pool, other;
  must(pool.open(pool.ledger({"a", "b", "c"}), folder.file()));
  CHECK(other.open(other.ledger({}), folder.file()));
  REQUIRE(write_file(folder.file(), as_bytes("something of the user's\n")));
  CHECK(pool.open(pool.ledger({"a"}), folder.file()).error().kind == ErrorKind::corrupt);
  CHECK(to_text(must(read_file(folder.file(), 1000))) == "something of the user's\n");
}

TEST_CASE("where the file cannot be, the log says that older copies will not be noticed") {
  Pool pool;
  CHECK(pool.open(pool.ledger({"a"}), "/nowhere/hub.head"));
  CHECK(pool.log.last == "no_high_water");
}

TEST_CASE("the file stands beside the data directory, however that is written") {
  CHECK(high_water_path("/srv/hub", "") == "/srv/hub.head");
  CHECK(high_water_path("/srv/hub/", "") == "/srv/hub.head");
  CHECK(high_water_path("hub", "aurora") == "hub.head-aurora");
}
