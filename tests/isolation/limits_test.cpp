// What would grow with every request, and how far it can: each test walks past a limit of the list in SECURITY.md.
#include "hub/used_tokens.hpp"
#include "pool.hpp"

#include "crypto/reason.hpp"
#include "crypto/x509.hpp"
#include "wire/messages.hpp"

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;

namespace {

/// "ok", or the reason code.
std::string end_of(const Response& answer) {
  if (answer.status < 300) return "ok";
  const Error error = wire::decode_failure(answer.body, ErrorKind::internal);
  const auto code = reason_code(error);
  return code.empty() ? error.message : std::string(code);
}

std::size_t count_keys(Pool& pool, std::string_view prefix) {
  std::size_t count = 0;
  REQUIRE(pool.home(Pool::own).ledger->scan(prefix, [&](std::string_view, ByteView) { return ++count, true; }));
  return count;
}

template <class T>
Request post(std::string path, const T& message) {
  return {"POST", std::move(path), "", wire::encode(message)};
}

Request upload(const std::string& content) {
  return {"PUT", "/v1/blobs/" + sha256(to_bytes(content)).hex(), "", to_bytes(content)};
}
Request submission(unsigned shards, const std::string& id) {
  return {"POST", "/v1/jobs", "", to_bytes(Pool::contract(shards, id))};
}

}  // namespace

TEST_CASE("a member that renews over and over has a few certificates, and then gets no more until they have run out") {
  Pool pool;
  const auto busy = pool.enrol(pool.invite(Pool::own, {})), calm = pool.enrol(pool.invite(Pool::own, {}));
  const auto renew = [&](const Credentials& credentials) {
    wire::fb::RenewT message;
    message.certificate_request = must(make_certificate_request(*credentials.identity.key));
    return end_of(must(pool.exchange(*pool.connect(credentials), post("/v1/renew", message))));
  };
  int renewed = 0;
  while (renewed < 100 && renew(busy) == "ok") ++renewed;
  CHECK(renewed == 15);  // With the one from enrolment there are 16.
  CHECK(renew(busy) == "renewal_rate");
  const auto kept = count_keys(pool, "certificate/");
  for (int i = 0; i < 20; ++i) CHECK(renew(busy) == "renewal_rate");
  CHECK(count_keys(pool, "certificate/") == kept);
  CHECK(renew(calm) == "ok");
  pool.restart_hub();
  CHECK(renew(busy) == "renewal_rate");
  CHECK(renew(calm) == "ok");
}

TEST_CASE("an input that is uploaded over and over is written once a minute at most") {
  Pool pool;
  const auto client = pool.issue(Pool::own, "client/alice");
  const auto connection = pool.connect(client);
  for (int i = 0; i < 200; ++i) CHECK(end_of(must(pool.exchange(*connection, upload("the same")))) == "ok");
  CHECK(count_keys(pool, "input/") == 1);
  CHECK(count_keys(pool, "used/") == 1);
  // It is there for a day from the last of them.
  pool.loop.advance(20h);
  const auto later = pool.connect(pool.issue(Pool::own, "client/alice"));
  CHECK(end_of(must(pool.exchange(*later, upload("the same")))) == "ok");
  pool.loop.advance(20h);
  CHECK(count_keys(pool, "input/") == 1);
  pool.loop.advance(5h);
  CHECK(count_keys(pool, "input/") == 0);
}

TEST_CASE("tiny inputs use up the space for inputs like ones of 16 KiB, and so do further owners of one") {
  HubOptions options;
  options.max_total_blob_bytes = 40 * (16u << 10);
  Pool pool(options);
  const auto alice = pool.connect(pool.issue(Pool::own, "client/alice")),
             bob = pool.connect(pool.issue(Pool::own, "client/bob"));
  const auto put = [&](Connection& by, int number) {
    return must(pool.exchange(by, upload("tiny " + std::to_string(number)))).status;
  };
  int stored = 0;
  while (stored < 100 && put(*alice, stored) == 204) ++stored;
  CHECK(stored == 40);
  CHECK(put(*alice, 40) == 503);
  CHECK(put(*bob, 0) == 503);
  CHECK(put(*alice, 0) == 204);
  // The count is the same after a restart, and comes down to nothing when they go.
  pool.restart_hub();
  const auto again = pool.connect(pool.issue(Pool::own, "client/alice"));
  CHECK(put(*again, 40) == 503);
  pool.loop.advance(25h);
  CHECK(count_keys(pool, "input/") == 0);
  const auto next_day = pool.connect(pool.issue(Pool::own, "client/alice")),
             bobs = pool.connect(pool.issue(Pool::own, "client/bob"));
  for (int i = 0; i < 20; ++i) {
    CHECK(put(*next_day, i) == 204);
    CHECK(put(*bobs, i) == 204);
  }
  CHECK(put(*next_day, 20) == 503);
}

TEST_CASE("jobs that are over and not erased leave room for others' jobs") {
  HubOptions options;
  options.max_job_bytes = 128u << 10;
  Pool pool(options);
  const auto alice = pool.connect(pool.issue(Pool::own, "client/alice")),
             bob = pool.connect(pool.issue(Pool::own, "client/bob"));
  const auto name = [](int i) { return "job-" + std::to_string(i); };
  const auto submit = [&](Connection& by, const std::string& id) {
    const auto end = end_of(must(pool.exchange(by, submission(1, id))));
    if (end == "ok") CHECK(end_of(must(pool.exchange(by, {"POST", "/v1/jobs/" + id + "/cancel", "", {}}))) == "ok");
    return end;
  };
  int ended = 0;
  while (ended < 100 && submit(*alice, name(ended)) == "ok") ++ended;
  CHECK(ended > 10);
  CHECK(ended < 16);  // Half of what there is, and 4 KiB and a contract each.
  CHECK(submit(*alice, "one-more") == "jobs_kept");
  CHECK(submit(*bob, "bobs") == "ok");
  pool.restart_hub();
  const auto again = pool.connect(pool.issue(Pool::own, "client/alice"));
  CHECK(submit(*again, "one-more") == "jobs_kept");
  CHECK(end_of(must(pool.exchange(*again, {"POST", "/v1/jobs/" + name(0) + "/erase", "", {}}))) == "ok");
  CHECK(submit(*again, "one-more") == "ok");
  CHECK(submit(*again, "yet-another") == "jobs_kept");
}

TEST_CASE("a job whose outputs are more than the hub has room for fails, and others go on") {
  HubOptions options;
  options.max_running_output_bytes = 10;  // An output has some more.
  Pool pool(options);
  auto& owner = pool.operator_of(Pool::own);
  const auto submit = [&](const std::string& id, const std::string& policy) {
    const std::string contract = R"({"ctx":{"job_id":")" + id +
                                 R"("},"op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":3},"policy":)" +
                                 policy + "}";
    must(pool.call<JobStatus>([&](auto done) { owner.submit(contract, done); }));
  };
  submit("large", R"({"verify":"none"})");
  submit("bystander", R"({"verify":"none","regions":["nowhere"]})");
  const auto agent = pool.start_agent(Pool::own);
  const auto status = [&](const char* id) {
    return must(pool.call<JobStatus>([&](auto done) { owner.status(JobId(id), 0, 0s, done); }));
  };
  REQUIRE(pool.loop.run_until([&] { return status("large").state != JobState::running; }, 1min));
  CHECK(status("large").state == JobState::failed);
  CHECK(status("large").failure.find("outputs_too_large") != std::string::npos);
  CHECK(status("bystander").state == JobState::running);
}

TEST_CASE("an agent that makes up numeric classes is not listened to after some") {
  Pool pool;
  const auto inventor = pool.enrol(pool.invite(Pool::own, {})), honest = pool.enrol(pool.invite(Pool::own, {}));
  const auto connection = pool.connect(inventor), other = pool.connect(honest);
  const auto ask = [&](Connection& by, const std::string& numeric_class) {
    wire::fb::LeaseAskT message;
    message.numeric_class = numeric_class;
    return end_of(must(pool.exchange(by, post("/v1/agent/lease", message))));
  };
  int taken = 0;
  while (taken < 1000 && ask(*connection, "class-" + std::to_string(taken)) == "ok") ++taken;
  CHECK(taken == 32);
  CHECK(ask(*connection, "yet-another") == "agent_changes");
  // What it said last holds, and others are not touched.
  CHECK(ask(*connection, "class-31") == "ok");
  for (int i = 0; i < 100; ++i) CHECK(ask(*other, "nc-1") == "ok");
}

TEST_CASE("join tokens that nobody used are so many at most, and run out") {
  Pool pool;
  const auto boss = pool.connect(pool.issue(Pool::own, "operator"));
  wire::fb::InviteT message;
  message.role = "agent", message.ttl_s = 600, message.uses = 1;
  for (int i = 0; i < 10'000; ++i) REQUIRE(must(pool.exchange(*boss, post("/v1/invitations", message))).status == 200);
  CHECK(must(pool.exchange(*boss, post("/v1/invitations", message))).status == 503);
  CHECK(count_keys(pool, "invitation/") == 10'000);
  pool.loop.advance(11min);
  CHECK(must(pool.exchange(*boss, post("/v1/invitations", message))).status == 200);
  CHECK(count_keys(pool, "invitation/") == 1);
}

TEST_CASE("the changes that are remembered of one client are bounded, and those of others are not refused for it") {
  hub::UsedTokens used;
  hub::Effects effects(0);
  const Time now(1'800'000'000s);
  const auto ticket = [&](const std::string& owner, std::size_t number) {
    return hub::Ticket{owner + "-" + std::to_string(number), sha256(Bytes{1}), now + 5min, owner};
  };
  for (std::size_t i = 0; i < hub::UsedTokens::max_of_one; ++i) {
    REQUIRE(used.look_up(ticket("alice", i)));
    used.use(ticket("alice", i), {}, now, effects);
  }
  const auto one_more = used.look_up(ticket("alice", hub::UsedTokens::max_of_one));
  REQUIRE_FALSE(one_more);
  CHECK(one_more.error().kind == ErrorKind::unavailable);
  CHECK(reason_code(one_more.error()) == "change_rate");
  CHECK(used.look_up(ticket("alice", 7)).value());  // The same again is answered as before.
  CHECK(used.look_up(ticket("bob", 0)));
  used.forget(now + 5min, effects);
  CHECK(used.size() == 0);
  CHECK(used.look_up(ticket("alice", hub::UsedTokens::max_of_one)));
}
