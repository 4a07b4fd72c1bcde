// Keys that a hub changes honestly, and keys that somebody would like to be taken for such.
#include "bent_log.hpp"

#include <forgepool/audit.hpp>

using namespace forgepool;
using namespace forgepool::test;

namespace {

JobId run(DoneJob& job) {
  Client& client = job.pool.operator_of(Pool::own);
  const auto id = must(job.pool.call<JobStatus>([&](auto done) { client.submit(Pool::contract(2, "", 2), done); })).id;
  REQUIRE(must(job.pool.call<JobStatus>([&](auto done) { client.wait(id, nullptr, done); })).state == JobState::done);
  return id;
}

std::string bundle_of(DoneJob& job, const JobId& id) {
  return must(job.pool.call<std::string>([&](auto done) { job.pool.operator_of(Pool::own).bundle(id, done); }));
}

std::string rotate(DoneJob& job, KeyPurpose purpose) {
  return must(job.pool.call<RotatedKey>([&](auto done) { job.pool.operator_of(Pool::own).rotate_key(purpose, done); }))
      .trusted_root;
}

}  // namespace

TEST_CASE("a bundle made after a rotation says so to who has the old root, who can go on with the new one") {
  DoneJob job;
  const std::string old_root = job.root();
  const std::string new_root = rotate(job, KeyPurpose::hub);
  const std::string bundle = bundle_of(job, run(job));
  const auto refused = verify_bundle(bundle, old_root);
  REQUIRE_FALSE(refused);
  INFO(refused.error().message);
  CHECK(refused.error().message.starts_with("/root: keys_rotated: "));
  CHECK(refused.error().message.find("changed the hub's key") != std::string::npos);

  // From the file, and from the bundle itself.
  for (const auto& newer : {new_root, bundle}) {
    const auto next = must(continue_root(old_root, newer));
    CHECK(verify_bundle(bundle, next));
    CHECK(verify_bundle(job.bundle, next));
  }
}

TEST_CASE("a root is gone on from over any number of rotations of every key, and keeps the auditor's adapters") {
  DoneJob job;
  auto root = must(wire::read_trusted_root(job.root()));
  root.adapters = {must(verify_bundle(job.bundle, job.root())).adapter};
  const std::string old_root = wire::write_trusted_root(root);
  for (const auto purpose : {KeyPurpose::log, KeyPurpose::hub, KeyPurpose::ca, KeyPurpose::log}) rotate(job, purpose);
  const std::string bundle = bundle_of(job, run(job));
  const auto next = must(continue_root(old_root, bundle));
  CHECK(must(wire::read_trusted_root(next)).adapters == root.adapters);
  const auto report = must(verify_bundle(bundle, next));
  CHECK(report.unpinned.empty());
}

TEST_CASE("a root that the trusted log key did not sign is not gone on with") {
  DoneJob job;
  const auto other = must(make_hub_identity("hub.test", job.pool.loop.now()));
  const auto forged = continue_root(job.root(), make_trusted_root(other));
  REQUIRE_FALSE(forged);
  CHECK(forged.error().message.starts_with("root_not_continued: "));
  const auto elsewhere = must(make_hub_identity("elsewhere.test", job.pool.loop.now()));
  CHECK(continue_root(job.root(), make_trusted_root(elsewhere)).error().kind == ErrorKind::invalid_input);
  CHECK(continue_root(job.root(), "{}").error().kind == ErrorKind::invalid_input);

  auto bent = must(wire::read_trusted_root(rotate(job, KeyPurpose::hub)));
  bent.hub_spki = other.tls.key->public_key().spki;
  CHECK(continue_root(job.root(), wire::write_trusted_root(bent)).error().kind == ErrorKind::unauthenticated);
}

TEST_CASE("a log key that was revoked vouches for no further root") {
  DoneJob job;
  const std::string old_root = job.root();
  rotate(job, KeyPurpose::log);
  must(
      job.pool.call<std::uint32_t>([&](auto done) { job.pool.operator_of(Pool::own).revoke("key", "log-1", "stolen", done); }));
  CHECK(continue_root(old_root, rotate(job, KeyPurpose::hub)).error().message.starts_with("root_not_continued: "));
}

TEST_CASE("a bundle with a root in it that its log did not sign is refused") {
  DoneJob job;
  BentJob lie(job.hub(), job.ledger(), job.bundle);
  auto root = must(wire::read_trusted_root(lie.bundle.root));
  root.signatures.clear();
  lie.bundle.root = wire::write_trusted_root(root);
  const auto refused = verify_bundle(lie.document(), job.root());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.starts_with("/root: root_not_signed: "));
}
