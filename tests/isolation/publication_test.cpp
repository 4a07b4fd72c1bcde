// Each organization's log is published for itself: its own checkpoints, tiles and offers, and its own witnesses.
#include "pool.hpp"

#include <forgepool/audit.hpp>
#include <forgepool/backends/memory_key_store.hpp>
#include <forgepool/merkle.hpp>
#include <forgepool/tiled_log.hpp>
#include <forgepool/witness.hpp>

#include <catch2/generators/catch_generators.hpp>

using namespace forgepool;
using namespace forgepool::test;

namespace {

/// Its key comes first: the hub's policy names it. Then the logs that it looks at.
struct TestWitness {
  explicit TestWitness(std::string called) : name(std::move(called)) {
    const auto store = make_memory_key_store();
    key = must(store->signer(must(store->generate(KeyPurpose::log, Time{})).id));
  }
  void follow(std::vector<VerifierKey> logs) {
    witness = must(Witness::make({name, key, std::move(logs), [](const auto&, const auto&) { return Status{}; }}));
  }
  const std::string name;
  std::shared_ptr<Signer> key;
  std::unique_ptr<Witness> witness;
};

std::vector<VerifierKey> logs_of(Pool& pool) {
  std::vector<VerifierKey> logs;
  for (const auto index : {Pool::own, Pool::aurora, Pool::borealis})
    logs.push_back({pool.identity(index).trust_domain, pool.identity(index).log_key->public_key()});
  return logs;
}

Result<std::string> checkpoint(Pool& pool, Client& client) {
  const auto note = pool.call<Bytes>([&](auto done) { client.log("checkpoint", done); });
  if (!note) return fail(note.error());
  return to_text(*note);
}

/// What `forgepool witness` does: fetches the offer, cosigns it, posts it.
Result<std::string> look(Pool& pool, Client& client, TestWitness& witness, const std::string& origin) {
  const auto offer =
      must(pool.call<std::string>([&](auto done) { client.log_offer(witness.witness->latest_size(origin), done); }));
  const auto answer = witness.witness->add_checkpoint(offer, pool.loop.now());
  REQUIRE(answer.status == 200);
  const std::string cosigned = must(parse_add_checkpoint(offer)).checkpoint + answer.body;
  return pool.call<std::string>([&](auto done) { client.cosign(cosigned, done); });
}

std::string run_job(Pool& pool, std::size_t organization) {
  const auto agent = pool.start_agent(organization);
  Client& client = pool.operator_of(organization);
  const auto job = must(pool.call<JobStatus>([&](auto done) { client.submit(Pool::contract(2), done); }));
  const auto end = must(pool.call<JobStatus>([&](auto done) { client.wait(job.id, nullptr, done); }));
  REQUIRE(end.state == JobState::done);
  return job.id.str();
}

}  // namespace

TEST_CASE("each organization has a published log of its own, with the entries of nobody else") {
  Pool pool;
  run_job(pool, Pool::aurora);
  for (const auto index : {Pool::own, Pool::aurora, Pool::borealis}) {
    Client& client = pool.operator_of(index);
    const auto note = must(checkpoint(pool, client));
    const auto& identity = pool.identity(index);
    const auto head = must(verify_checkpoint(note, {identity.trust_domain, identity.log_key->public_key()}));
    CHECK((head.size > 0) == (index == Pool::aurora));
    for (const auto other : {Pool::own, Pool::aurora, Pool::borealis})
      if (other != index)
        CHECK_FALSE(verify_checkpoint(note, {pool.identity(other).trust_domain, pool.identity(other).log_key->public_key()}));
    const auto tile = pool.call<Bytes>(
        [&](auto done) { client.log("tile/0/000.p/" + std::to_string(head.size == 0 ? 1 : head.size), done); });
    CHECK(tile.has_value() == (index == Pool::aurora));
    const auto& log = *pool.home(index).ledger;
    if (tile) CHECK(*tile == must(log.hash_tile(0, 0, static_cast<std::size_t>(head.size))));
  }
}

TEST_CASE("a quorum of witnesses is for the log that they looked at, and nobody's evidence is given out without its own") {
  TestWitness first("witness.example/one"), second("witness.example/two");
  HubOptions options;
  for (const auto* witness : {&first, &second})
    options.witness_policy +=
        "witness " + witness->name.substr(16) + " " + to_cosigner_vkey(witness->name, witness->key->public_key()) + "\n";
  options.witness_policy += "group both all one two\nquorum both\n";
  Pool pool(std::move(options));
  for (auto* witness : {&first, &second}) witness->follow(logs_of(pool));

  const JobId aurora_job(run_job(pool, Pool::aurora)), borealis_job(run_job(pool, Pool::borealis));
  const auto bundle = [&](std::size_t organization, const JobId& job) {
    return pool.call<std::string>([&](auto done) { pool.operator_of(organization).bundle(job, done); });
  };
  const auto closed = [&](std::size_t organization, const JobId& job) {
    return bundle(organization, job).error().kind == ErrorKind::unavailable &&
           checkpoint(pool, pool.operator_of(organization)).error().kind == ErrorKind::unavailable;
  };
  const std::string aurora = pool.identity(Pool::aurora).trust_domain, borealis = pool.identity(Pool::borealis).trust_domain;
  CHECK(closed(Pool::aurora, aurora_job));
  CHECK(closed(Pool::borealis, borealis_job));

  CHECK(look(pool, pool.operator_of(Pool::aurora), first, aurora));
  CHECK(closed(Pool::aurora, aurora_job));  // One of two.
  CHECK(look(pool, pool.operator_of(Pool::aurora), second, aurora));
  CHECK(bundle(Pool::aurora, aurora_job));
  CHECK(WitnessPolicy::parse(pool.options.witness_policy)->check(must(checkpoint(pool, pool.operator_of(Pool::aurora)))));
  CHECK(closed(Pool::borealis, borealis_job));

  // What they signed of one log is worth nothing at another.
  const auto foreign = must(checkpoint(pool, pool.operator_of(Pool::aurora)));
  (void)must(pool.call<std::string>([&](auto done) { pool.operator_of(Pool::borealis).log_offer(0, done); }));
  CHECK_FALSE(pool.call<std::string>([&](auto done) { pool.operator_of(Pool::borealis).cosign(foreign, done); }));
  CHECK(closed(Pool::borealis, borealis_job));
  CHECK(look(pool, pool.operator_of(Pool::borealis), first, borealis));
  CHECK(look(pool, pool.operator_of(Pool::borealis), second, borealis));
  CHECK(bundle(Pool::borealis, borealis_job));

  // What was shown once is there after a restart.
  pool.restart_hub();
  CHECK(bundle(Pool::aurora, aurora_job));
  CHECK(bundle(Pool::borealis, borealis_job));
}

TEST_CASE("whatever the policy, nothing that needs witnesses is given out with fewer cosignatures than it asks for") {
  struct Asked {
    const char* groups;
    std::size_t needed;  ///< Of the three, in their order.
  };
  const auto asked =
      GENERATE(Asked{"quorum none\n", 0}, Asked{"quorum one\n", 1}, Asked{"quorum three\n", 3},
               Asked{"group some any two three\nquorum some\n", 2}, Asked{"group some 2 one two three\nquorum some\n", 2},
               Asked{"group some all one two three\nquorum some\n", 3},
               Asked{"group late any two three\ngroup both all one late\nquorum both\n", 2},
               Asked{"group early any one two\ngroup both all early three\nquorum both\n", 3});
  CAPTURE(asked.groups);
  std::vector<TestWitness> witnesses;
  HubOptions options;
  for (const std::string name : {"one", "two", "three"}) {
    witnesses.emplace_back("witness.example/" + name);
    options.witness_policy +=
        "witness " + name + " " + to_cosigner_vkey(witnesses.back().name, witnesses.back().key->public_key()) + "\n";
  }
  options.witness_policy += asked.groups;
  Pool pool(std::move(options));
  Client& client = pool.operator_of(Pool::aurora);
  const JobId job(run_job(pool, Pool::aurora));
  const auto bundle = [&] { return pool.call<std::string>([&](auto done) { client.bundle(job, done); }); };
  for (std::size_t cosigned = 0; cosigned <= witnesses.size(); ++cosigned) {
    CAPTURE(cosigned);
    if (cosigned < asked.needed) {
      CHECK(bundle().error().kind == ErrorKind::unavailable);
      CHECK(checkpoint(pool, client).error().kind == ErrorKind::unavailable);
    } else {
      CHECK(verify_bundle(must(bundle()), make_trusted_root(pool.identity(Pool::aurora))));
      CHECK(WitnessPolicy::parse(pool.options.witness_policy)->check(must(checkpoint(pool, client))));
    }
    if (cosigned >= asked.needed) break;
    witnesses[cosigned].follow(logs_of(pool));
    CHECK(look(pool, client, witnesses[cosigned], pool.identity(Pool::aurora).trust_domain));
  }
}

TEST_CASE(
    "what witnesses cosigned under an earlier key of the log is given out until that key is revoked, also by a hub that starts "
    "again") {
  TestWitness witness("witness.example/one");
  HubOptions options;
  options.witness_policy = "witness one " + to_cosigner_vkey(witness.name, witness.key->public_key()) + "\nquorum one\n";
  Pool pool(std::move(options));
  witness.follow(logs_of(pool));
  const std::string domain = pool.identity(Pool::aurora).trust_domain;
  const auto operator_ = [&]() -> Client& { return pool.operator_of(Pool::aurora); };
  const auto rotate = [&] {
    return must(pool.call<RotatedKey>([&](auto done) { operator_().rotate_key(KeyPurpose::log, done); })).trusted_root;
  };
  const auto bundle = [&](const JobId& job) {
    return pool.call<std::string>([&](auto done) { operator_().bundle(job, done); });
  };

  const JobId first(run_job(pool, Pool::aurora));
  REQUIRE(look(pool, operator_(), witness, domain));
  const auto kept = must(checkpoint(pool, operator_()));
  std::string root = rotate();
  CHECK(verify_bundle(must(bundle(first)), root));
  pool.restart_hub();
  CHECK(must(checkpoint(pool, operator_())) == kept);
  CHECK(verify_bundle(must(bundle(first)), root));

  // The key changes between the offer and the cosignature on it.
  const JobId second(run_job(pool, Pool::aurora));
  CHECK(bundle(second).error().kind == ErrorKind::unavailable);
  const auto offer =
      must(pool.call<std::string>([&](auto done) { operator_().log_offer(witness.witness->latest_size(domain), done); }));
  root = rotate();
  const auto answer = witness.witness->add_checkpoint(offer, pool.loop.now());
  REQUIRE(answer.status == 200);
  // It is still what others are offered.
  CHECK(pool.call<std::string>([&](auto done) { operator_().log_offer(0, done); }));
  CHECK(pool.call<std::string>(
      [&](auto done) { operator_().cosign(must(parse_add_checkpoint(offer)).checkpoint + answer.body, done); }));
  CHECK(verify_bundle(must(bundle(second)), root));

  // Both keys that signed it are revoked: it proves nothing any more, and the hub waits for its witnesses.
  for (const char* key : {"log-1", "log-2"})
    must(pool.call<std::uint32_t>([&](auto done) { operator_().revoke("key", key, "stolen", done); }));
  CHECK(bundle(second).error().kind == ErrorKind::unavailable);
  CHECK(checkpoint(pool, operator_()).error().kind == ErrorKind::unavailable);
  pool.restart_hub();
  CHECK(bundle(second).error().kind == ErrorKind::unavailable);
  witness.follow(logs_of(pool));
  CHECK(look(pool, operator_(), witness, domain));
  CHECK(verify_bundle(must(bundle(second)), make_trusted_root(pool.identity(Pool::aurora))));
}
