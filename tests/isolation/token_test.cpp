// Tokens of clients: every request about a job or an input needs one that is for it; what changes something needs one of its
// own.
#include "../support/permitted.hpp"
#include "hub/authorization.hpp"
#include "hub/used_tokens.hpp"
#include "pool.hpp"

#include "crypto/reason.hpp"

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;

namespace {

struct Clients : Pool {
  Credentials owner = issue(aurora, "client/apollo/one"), other = issue(aurora, "client/gemini/one");
  std::unique_ptr<Connection> owners = connect(owner), others = connect(other);
  std::string job;

  explicit Clients(HubOptions wanted = {}) : Pool(std::move(wanted)) {
    job = must(wire::decode<wire::fb::JobStatusT>(must(exchange(*owners, submission("the-job"))).body)).job;
  }

  static Request submission(const std::string& id = "") { return {"POST", "/v1/jobs", "", to_bytes(contract(2, id))}; }
  auto through(Connection& connection) {
    return [&](Request request) { return exchange_bare(connection, std::move(request)); };
  }
  std::string token(const client::Permit& permit, std::string parent = {}) {
    return token_for(permit, through(*owners), std::move(parent));
  }
  /// How it ends: "ok", or the reason code.
  std::string end_of(Connection& connection, Request request, const std::string& token) {
    request.authorization = token;
    return end_of(must(exchange_bare(connection, std::move(request))));
  }
  static std::string end_of(const Response& answer) {
    if (answer.status < 300) return "ok";
    const std::string code(reason_code(wire::decode_failure(answer.body, ErrorKind::internal)));
    CHECK((answer.status == 401 || answer.status == 403 || answer.status == 404));
    return code;
  }
  /// All that a client may ask about jobs and inputs.
  std::vector<Request> requests() const {
    return {submission(),
            {"POST", "/v1/forecasts", "", to_bytes(contract(2))},
            {"GET", "/v1/jobs", "", {}},
            {"GET", "/v1/jobs/" + job, "", {}},
            {"GET", "/v1/jobs/" + job + "/explain", "", {}},
            {"PUT", "/v1/blobs/" + sha256(to_bytes("an input")).hex(), "", to_bytes("an input")},
            {"POST", "/v1/jobs/" + job + "/cancel", "", {}}};
  }
};

client::Permit permit(std::string action, bool once = false, std::string job = {}, std::optional<Digest> blob = {}) {
  return {std::move(action), std::move(job), blob, once};
}

}  // namespace

TEST_CASE("no request about a job or an input is served without a token that is for it") {
  Clients pool;
  const std::string lists = pool.token(permit("list")), reads_another = pool.token(permit("read", false, "another-job"));
  const std::string others_own = token_for(permit("read", false, pool.job), pool.through(*pool.others));
  REQUIRE_FALSE((lists.empty() || reads_another.empty() || others_own.empty()));
  std::size_t needing = 0;
  for (const auto& request : pool.requests()) {
    CAPTURE(request.method, request.path);
    CHECK(pool.end_of(*pool.owners, request, "") == "token_missing");
    CHECK(pool.end_of(*pool.owners, request, "v4.public.AAAA") == "token_malformed");
    CHECK(pool.end_of(*pool.owners, request, others_own) == "token_holder");
    const auto needed = *client::permit_for(request);
    if (needed.action != "list") CHECK(pool.end_of(*pool.owners, request, lists) == "token_action");
    if (needed.action == "read") CHECK(pool.end_of(*pool.owners, request, reads_another) == "token_job");
    if (needed.once) {
      ++needing;
      CHECK(pool.end_of(*pool.owners, request, pool.token(permit(needed.action))) == "token_not_once");
    }
    // Theirs is of no use for what is not theirs, and then it looks as if that were not there.
    if (needed.action == "read" || needed.action == "cancel")
      CHECK(pool.end_of(must(pool.exchange(*pool.others, request))) == "job_unknown");
  }
  CHECK(needing == 3);
  CHECK(pool.end_of(*pool.owners, {"PUT", "/v1/blobs/" + sha256(to_bytes("b")).hex(), "", to_bytes("b")},
                    pool.token(permit("upload", true, "", sha256("a")))) == "token_blob");
  // And with the right ones all of it is.
  for (const auto& request : pool.requests()) {
    CAPTURE(request.method, request.path);
    CHECK(pool.end_of(must(pool.exchange(*pool.owners, request))) == "ok");
  }
  // The table is what says so.
  for (const auto& rule : hub::rules()) {
    INFO(rule.name);
    CHECK((rule.token == hub::Token::none) == rule.permit.empty());
  }
}

TEST_CASE("a token that is good for one change makes one, however often it is asked with") {
  Clients pool;
  const std::string token = pool.token(permit("submit", true));
  const auto submit = [&](Connection& connection, Request request) {
    request.authorization = token;
    return must(pool.exchange_bare(connection, std::move(request)));
  };
  const auto first = must(wire::decode<wire::fb::JobStatusT>(submit(*pool.owners, Clients::submission()).body));
  // The answer was lost: the same again is the same job, also where the contract has no id of its own, and after a restart.
  CHECK(must(wire::decode<wire::fb::JobStatusT>(submit(*pool.owners, Clients::submission()).body)).job == first.job);
  CHECK(Clients::end_of(submit(*pool.owners, Clients::submission("different"))) == "token_replayed");
  CHECK(Clients::end_of(submit(*pool.others, Clients::submission())) == "token_holder");
  pool.restart_hub();
  pool.owners = pool.connect(pool.owner);
  CHECK(must(wire::decode<wire::fb::JobStatusT>(submit(*pool.owners, Clients::submission()).body)).job == first.job);
  CHECK(Clients::end_of(submit(*pool.owners, Clients::submission("different"))) == "token_replayed");
  CHECK(must(pool.call<std::vector<JobStatus>>([&](auto done) { pool.operator_of(Pool::aurora).jobs(done); })).size() == 2);

  // Inputs and cancellations likewise.
  const std::string uploads = pool.token(permit("upload", true));
  const auto put = [&](const std::string& text) {
    return pool.end_of(*pool.owners, {"PUT", "/v1/blobs/" + sha256(to_bytes(text)).hex(), "", to_bytes(text)}, uploads);
  };
  CHECK(put("one") == "ok");
  CHECK(put("one") == "ok");
  CHECK(put("two") == "token_replayed");
  const std::string cancels = pool.token(permit("cancel", true));
  const auto cancel = [&](const std::string& job) {
    return pool.end_of(*pool.owners, {"POST", "/v1/jobs/" + job + "/cancel", "", {}}, cancels);
  };
  CHECK(cancel(first.job) == "ok");
  CHECK(cancel(first.job) == "ok");
  CHECK(cancel(pool.job) == "token_replayed");
}

TEST_CASE("a request that was refused has not used its token up") {
  Clients pool;
  const std::string token = pool.token(permit("submit", true));
  Request bad{"POST", "/v1/jobs", token, to_bytes("{}")}, good = Clients::submission();
  good.authorization = token;
  CHECK(must(pool.exchange_bare(*pool.owners, bad)).status == 400);
  CHECK(must(pool.exchange_bare(*pool.owners, good)).status == 200);
}

TEST_CASE("used tokens are remembered as long as they could be tried, and no longer") {
  Clients pool;
  const auto kept = [&] {
    std::size_t count = 0;
    REQUIRE(pool.home(Pool::aurora).ledger->scan(hub::UsedTokens::prefix, [&](auto, auto) { return ++count, true; }));
    return count;
  };
  const std::string token = pool.token(permit("submit", true));
  CHECK(pool.end_of(*pool.owners, Clients::submission(), token) == "ok");
  CHECK(kept() == 2);  // With the one of the job that was there.
  pool.loop.advance(5min + 29s);
  CHECK(pool.end_of(*pool.owners, Clients::submission("different"), token) == "token_replayed");
  pool.loop.advance(2s);
  CHECK(pool.end_of(*pool.owners, Clients::submission("different"), token) == "token_expired");
  CHECK(must(pool.exchange(*pool.owners, Clients::submission())).status == 200);
  CHECK(kept() == 1);
}

TEST_CASE("a token that comes from another one is for nothing that that one is not for") {
  Clients pool;
  const auto ask = [&](const client::Permit& wanted, const std::string& parent) {
    return pool.end_of(*pool.owners, {"POST", "/v1/tokens", "", client::token_ask(wanted)}, parent);
  };
  const auto begun =
      must(wire::decode<wire::fb::JobStatusT>(must(pool.exchange(*pool.owners, Clients::submission("another"))).body));
  // The one that a submission is answered with: this job, to be read and cancelled.
  CHECK(pool.end_of(*pool.owners, {"GET", "/v1/jobs/another", "", {}}, begun.token) == "ok");
  CHECK(pool.end_of(*pool.owners, {"GET", "/v1/jobs/" + pool.job, "", {}}, begun.token) == "token_job");
  CHECK(ask(permit("list"), begun.token) == "token_action");
  CHECK(ask(permit("read", false, pool.job), begun.token) == "token_widened");
  const std::string cancels = pool.token(permit("cancel", true), begun.token);
  REQUIRE_FALSE(cancels.empty());
  CHECK(pool.end_of(*pool.owners, {"POST", "/v1/jobs/" + pool.job + "/cancel", "", {}}, cancels) == "token_job");
  CHECK(ask(permit("cancel", true), cancels) == "token_widened");
  CHECK(pool.end_of(*pool.owners, {"POST", "/v1/jobs/another/cancel", "", {}}, cancels) == "ok");
  // What is not a client's to permit is in no token; and agents get none.
  for (const char* action : {"fetch", "report", "invite", "everything"}) CHECK(ask(permit(action), "") == "token_widened");
  const auto agent = pool.connect(pool.enrol(pool.invite(Pool::aurora, {})));
  CHECK(pool.end_of(*agent, {"POST", "/v1/tokens", "", client::token_ask(permit("read"))}, "") == "denied");
  // A life does not start again.
  pool.loop.advance(4min);
  const std::string late = pool.token(permit("read", false, "another"), begun.token);
  REQUIRE_FALSE(late.empty());
  pool.loop.advance(1min + 31s);
  CHECK(pool.end_of(*pool.owners, {"GET", "/v1/jobs/another", "", {}}, late) == "token_expired");
}

TEST_CASE("clients do not notice that tokens run out, that their keys are replaced, or that one was revoked") {
  Clients pool;
  auto client = pool.client(pool.owner);
  const auto look = [&] { return pool.call<JobStatus>([&](auto done) { client->status(JobId(pool.job), 0, 0s, done); }); };
  CHECK(look());
  pool.loop.advance(20min);
  CHECK(look());
  must(pool.call<RotatedKey>([&](auto done) { pool.operator_of(Pool::aurora).rotate_key(KeyPurpose::token, done); }));
  CHECK(look());
  must(pool.call<std::uint32_t>([&](auto done) { pool.operator_of(Pool::aurora).revoke("key", "token-1", "a test", done); }));
  CHECK(look());
  std::string token = pool.token(permit("list"));
  must(pool.call<std::uint32_t>([&](auto done) { pool.operator_of(Pool::aurora).revoke("token", token, "a test", done); }));
  CHECK(pool.end_of(*pool.owners, {"GET", "/v1/jobs", "", {}}, token) == "token_revoked");
  CHECK(must(pool.exchange(*pool.owners, {"GET", "/v1/jobs", "", {}})).status == 200);
}
