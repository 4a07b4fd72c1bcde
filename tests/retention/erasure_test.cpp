// Erasing a job: nothing of it is left on the disk, all else can still be proved, and a crash leaves one or the other.
#include "disk_pool.hpp"

#include <forgepool/audit.hpp>
#include <forgepool/tiled_log.hpp>

#include <catch2/generators/catch_generators.hpp>

#include <algorithm>
#include <fstream>
#include <optional>

using namespace forgepool;
using namespace forgepool::test;

namespace {

template <class T>
bool is_erased(const Result<T>& answer) {
  return !answer && answer.error().kind == ErrorKind::not_found && answer.error().message.starts_with("erased: ");
}

/// No file below the directory has any of it, whatever it was written as.
void check_gone(const std::string& directory, const std::vector<Bytes>& ciphertext, const std::vector<std::string>& salts) {
  const Contents contents(directory);
  for (const auto& needle : ciphertext) CHECK(contents.files_with(needle).empty());
  for (const auto& salt : salts) CHECK(contents.files_with(salt).empty());
  for (const auto marker : {DiskPool::input_marker, DiskPool::output_marker, DiskPool::contract_marker})
    CHECK(contents.files_with(marker).empty());
  CHECK(contents.files_with(to_base64(as_bytes(DiskPool::output_marker))).empty());
}

}  // namespace

TEST_CASE("an erased job is nowhere in the data directory any more, and was there before") {
  const auto store = GENERATE(LedgerStore::sqlite, LedgerStore::tiles);
  testing::VirtualEventLoop loop;
  const TemporaryDirectory directory;
  DiskPool pool(loop, directory.path(), store);
  pool.start_agent();
  const JobId other = pool.run_job();
  const JobId job = pool.run_job(R"({"inputs_ms":1000000000})");
  const auto salts = salts_of(must(pool.bundle(job)));
  const auto ciphertext = ciphertext_of(pool.ledger(), job);
  REQUIRE(ciphertext.size() > 8);

  // The search finds what is there: ciphertext and wrapped keys, in the database or its write-ahead log, or the journal.
  const Contents there(directory.path());
  for (const auto& needle : ciphertext) CHECK_FALSE(there.files_with(needle).empty());
  std::ofstream(directory.path() + "/planted") << "xx" << DiskPool::input_marker << "xx";
  CHECK(files_with(directory.path(), DiskPool::input_marker) == std::vector<std::string>{"planted"});
  std::filesystem::remove(directory.path() + "/planted");
  // In the open it was never there.
  for (const auto marker : {DiskPool::input_marker, DiskPool::output_marker, DiskPool::contract_marker})
    CHECK(files_with(directory.path(), marker).empty());
  const auto key_files = files_with(directory.path(), "BEGIN PRIVATE KEY");
  CHECK(std::ranges::count_if(key_files, [](const std::string& name) { return name.starts_with("content-"); }) == 1);
  const auto content_key =
      std::ranges::find_if(key_files, [](const std::string& name) { return name.starts_with("content-"); });

  const auto before = must(pool.ledger().checkpoint());
  REQUIRE(pool.erase(pool.owner(), job));
  check_gone(directory.path(), ciphertext, salts);
  CHECK_FALSE(std::filesystem::exists(hub_identity_directory(directory.path()) + "/" + *content_key));
  for (const auto& line : pool.log()) {
    CHECK(line.find(DiskPool::output_marker) == line.npos);
    CHECK(line.find(DiskPool::contract_marker) == line.npos);
  }

  // It is said to be erased, to those whose it was; all else goes on, and is proved.
  CHECK(is_erased(pool.status(pool.owner(), job)));
  CHECK(is_erased(pool.bundle(job)));
  CHECK(is_erased(pool.call<std::string>([&](auto done) { pool.owner().result(job, done); })));
  CHECK(is_erased(pool.erase(pool.owner(), job)));
  CHECK(is_erased(pool.status(pool.operator_(), job)));
  CHECK(pool.status(pool.stranger(), job).error().kind == ErrorKind::not_found);
  CHECK(verify_bundle(must(pool.bundle(other)), pool.root()));
  const auto head = pool.ledger().head();
  for (std::uint64_t i = 0; i < head.size; ++i) {
    CHECK(pool.ledger().leaf(i));
    CHECK(pool.ledger().prove_inclusion(i, head.size));
  }
  const auto old_head = must(verify_checkpoint(before, {pool.ledger().origin(), pool.ledger().key()}));
  CHECK(pool.ledger().prove_consistency(old_head.size, head.size));
  // The erasure is an entry, which names nobody.
  const std::string last = to_text(must(pool.ledger().leaf(head.size - 1)));
  CHECK(last.find(R"("kind":"erasure")") != last.npos);

  // And after the next start, too.
  pool.stop_hub();
  check_gone(directory.path(), ciphertext, salts);
  pool.start_hub();
  CHECK(is_erased(pool.status(pool.owner(), job)));
  CHECK(verify_bundle(must(pool.bundle(other)), pool.root()));
  const JobId next = pool.run_job();
  CHECK(verify_bundle(must(pool.bundle(next)), pool.root()));
}

TEST_CASE("only its owner and operators erase a job, once it is over and not held") {
  testing::VirtualEventLoop loop;
  const TemporaryDirectory directory;
  DiskPool pool(loop, directory.path(), LedgerStore::sqlite);
  pool.upload();
  const JobId running = must(pool.submit()).id;
  CHECK(pool.erase(pool.owner(), running).error().kind == ErrorKind::conflict);
  CHECK(pool.erase(pool.stranger(), running).error().kind == ErrorKind::not_found);
  CHECK(must(pool.call<JobStatus>([&](auto done) { pool.owner().cancel(running, done); })).state == JobState::cancelled);

  CHECK(pool.hold(pool.stranger(), running, true).error().kind == ErrorKind::not_found);
  CHECK(must(pool.hold(pool.operator_(), running, true)).held);
  const auto refused = pool.erase(pool.owner(), running);
  CHECK(refused.error().kind == ErrorKind::conflict);
  CHECK(refused.error().message.starts_with("legal_hold: "));
  CHECK(pool.erase(pool.operator_(), running).error().kind == ErrorKind::conflict);
  CHECK(pool.hold(pool.owner(), running, false).error().kind == ErrorKind::denied);
  pool.stop_hub();
  pool.start_hub();
  CHECK(must(pool.status(pool.owner(), running)).held);
  CHECK_FALSE(must(pool.hold(pool.operator_(), running, false)).held);
  CHECK(pool.erase(pool.operator_(), running));
  CHECK(is_erased(pool.status(pool.owner(), running)));
}

TEST_CASE("a hub that dies at any moment of an erasure has not begun it, or completes it when it is back") {
  const auto store = GENERATE(LedgerStore::sqlite, LedgerStore::tiles);
  testing::VirtualEventLoop loop;
  const TemporaryDirectory directory;
  DiskPool pool(loop, directory.path(), store);
  pool.start_agent();
  const JobId other = pool.run_job();
  const JobId job = pool.run_job();
  const auto salts = salts_of(must(pool.bundle(job)));
  const auto ciphertext = ciphertext_of(pool.ledger(), job);

  bool answered = false;
  pool.owner().erase(job, [&](const Status& erased) {
    REQUIRE(erased);
    answered = true;
  });
  int not_begun = 0, completed = 0;
  std::optional<Contents> before;
  while (!answered) {
    REQUIRE(loop.step());
    Contents now(directory.path());
    if (before == now) continue;
    before = std::move(now);
    // What kill -9 leaves: the files as they are, with nothing closed.
    const TemporaryDirectory copy;
    std::filesystem::copy(directory.path(), copy.path(), std::filesystem::copy_options::recursive);
    testing::VirtualEventLoop later(loop.now());
    DiskPool again(later, copy.path(), store);
    const auto status = again.status(again.owner(), job);
    if (status) {
      ++not_begun;
      CHECK(status->state == JobState::done);
      CHECK(verify_bundle(must(again.bundle(job)), again.root()));
    } else {
      ++completed;
      CHECK(is_erased(status));
      later.advance(std::chrono::seconds(1));
      check_gone(copy.path(), ciphertext, salts);
    }
    CHECK(verify_bundle(must(again.bundle(other)), again.root()));
  }
  CHECK(not_begun > 0);
  CHECK(completed > 0);
}

namespace {

/// Each made a content key, and destroyed the one before.
std::uint64_t disposals(const std::string& directory) {
  std::uint64_t newest = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("content-")) newest = std::max<std::uint64_t>(newest, std::stoull(name.substr(8)));
  }
  REQUIRE(newest > 0);
  return newest - 1;
}

JobId make_cancelled_job(DiskPool& pool) {
  pool.upload();  // The job before let go of its input.
  const JobId job = must(pool.submit()).id;
  REQUIRE(pool.call<JobStatus>([&](auto done) { pool.owner().cancel(job, done); }));
  return job;
}

}  // namespace

TEST_CASE("however often somebody submits, cancels and erases, everything is wrapped anew once in an interval") {
  testing::VirtualEventLoop loop;
  const TemporaryDirectory directory;
  HubOptions options;
  options.disposal_interval = std::chrono::seconds(20);
  DiskPool pool(loop, directory.path(), LedgerStore::sqlite, options);
  const auto cancelled_job = [&] { return make_cancelled_job(pool); };
  // One after the other: each waits until nothing of it is left.
  const Time start = loop.now();
  for (int i = 0; i < 10; ++i) CHECK(pool.erase(pool.owner(), cancelled_job()));
  const auto intervals = static_cast<std::uint64_t>((loop.now() - start) / std::chrono::seconds(20));
  CHECK(disposals(directory.path()) <= intervals + 1);
  CHECK(intervals <= 10);

  // Many at once, and again while they are erased: those that come in one interval go together.
  const auto before = disposals(directory.path());
  int erased = 0;
  for (int i = 0; i < 40; ++i) pool.owner().erase(cancelled_job(), [&](Status done) { erased += done.has_value(); });
  REQUIRE(loop.run_until([&] { return erased == 40; }, std::chrono::minutes(5)));
  CHECK(disposals(directory.path()) - before <= 3);
}

TEST_CASE("an erasure waits for the next interval, however the clock is set meanwhile") {
  for (const auto by : {std::chrono::minutes(-30), std::chrono::minutes(30)}) {
    CAPTURE(by.count());
    testing::VirtualEventLoop loop;
    const TemporaryDirectory directory;
    HubOptions options;
    options.disposal_interval = std::chrono::seconds(20);
    DiskPool pool(loop, directory.path(), LedgerStore::sqlite, options);
    const JobId first = make_cancelled_job(pool), second = make_cancelled_job(pool);
    loop.advance(std::chrono::hours(1));  // No certificate is younger than the clock is set back.
    CHECK(pool.erase(pool.owner(), first));
    const auto before = disposals(directory.path());
    const Time start = loop.steady();
    loop.set_wall_clock(by);
    CHECK(pool.erase(pool.owner(), second));
    CHECK(disposals(directory.path()) == before + 1);
    CHECK(loop.steady() - start >= std::chrono::seconds(19));
    CHECK(loop.steady() - start <= std::chrono::seconds(40));
  }
}
