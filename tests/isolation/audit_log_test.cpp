// The audit log of a hub: who came to be whom, and what was refused to whom, whoever asked.
#include "pool.hpp"
#include "wire/json.hpp"

#include <forgepool/audit_log.hpp>

#include <algorithm>

using namespace forgepool;
using namespace forgepool::test;

namespace {

struct ApiActivity {
  std::string operation, code, user, user_type, endpoint;
};

/// The API Activity events that the hub left since the last call.
class Audit {
 public:
  explicit Audit(Pool& pool) {
    pool.log->next = make_audit_log(
        nullptr, [this](const std::string& line) { lines_.push_back(line); }, [&pool] { return pool.loop.now(); });
  }

  std::vector<ApiActivity> take() {
    std::vector<ApiActivity> decisions;
    for (const auto& line : lines_) {
      const auto value = must(json::parse(line, 1u << 16));
      const json::Object& event = *value.as_object();
      if (*event.find("class_uid")->as_integer() != 6003) continue;
      const json::Object& user = *event.find("actor")->as_object()->find("user")->as_object();
      decisions.push_back({*event.find("api")->as_object()->find("operation")->as_string(),
                           *event.find("status_code")->as_string(), *user.find("uid")->as_string(),
                           *user.find("type")->as_string(),
                           *event.find("src_endpoint")->as_object()->find("uid")->as_string()});
    }
    lines_.clear();
    return decisions;
  }

 private:
  std::vector<std::string> lines_;
};

std::size_t count(const std::vector<ApiActivity>& decisions, std::string_view operation, std::string_view code) {
  return static_cast<std::size_t>(
      std::ranges::count_if(decisions, [&](const ApiActivity& one) { return one.operation == operation && one.code == code; }));
}

}  // namespace

TEST_CASE("an enrolment leaves a line that says who came to be whom, and one that fails says why") {
  Pool pool;
  Audit audit(pool);
  const auto token = pool.invite(Pool::aurora, {});
  audit.take();
  const auto agent = pool.enrol(token);
  auto decisions = audit.take();
  REQUIRE(decisions.size() == 1);
  CHECK(decisions[0].operation == "enrol");
  CHECK(decisions[0].code == "ok");
  CHECK(decisions[0].user == agent.name.substr(agent.name.rfind('/') + 1));
  CHECK(decisions[0].user_type == "System");
  CHECK_FALSE(decisions[0].endpoint.empty());

  CHECK_FALSE(pool.try_enrol(token));
  decisions = audit.take();
  REQUIRE(decisions.size() == 1);
  CHECK(decisions[0].operation == "enrol");
  CHECK(decisions[0].code == "join_token_unknown");
  CHECK(decisions[0].user == "anonymous");

  Invitation invitation;
  invitation.role = "client";
  const auto client_token = pool.invite(Pool::aurora, invitation);
  audit.take();
  const auto client = pool.enrol(client_token);
  decisions = audit.take();
  REQUIRE(decisions.size() == 1);
  CHECK(decisions[0].user_type == "User");
  // People are known by a pseudonym, the same one when they come with the certificate.
  CHECK(decisions[0].user.starts_with("p-"));
  auto connected = pool.client(client);
  must(pool.call<std::vector<JobStatus>>([&](auto done) { connected->jobs(done); }));
  const auto later = audit.take();
  REQUIRE(later.size() == 2);
  CHECK(later[0].operation == "ask for a token");
  CHECK(later[1].operation == "list jobs");
  for (const auto& one : later) CHECK(one.user == decisions[0].user);
}

TEST_CASE("contracts, inputs and jobs that are refused leave a line that says so") {
  Pool pool;
  Audit audit(pool);
  auto owner = pool.client(pool.issue(Pool::aurora, "client/alice"));
  const auto job = must(pool.call<JobStatus>([&](auto done) { owner->submit(Pool::contract(2), done); })).id;
  CHECK(count(audit.take(), "submit a job", "ok") == 1);

  const auto stranger = pool.connect(pool.issue(Pool::aurora, "client/mallory"));
  const auto refused = [&](Request request, std::string_view operation, std::string_view code) {
    CAPTURE(request.method, request.path);
    audit.take();
    const auto answer = must(pool.exchange(*stranger, std::move(request)));
    CHECK(answer.status >= 400);
    const auto decisions = audit.take();
    for (const auto& one : decisions) UNSCOPED_INFO(one.operation << ": " << one.code);
    CHECK(count(decisions, operation, code) == 1);
    CHECK(std::ranges::all_of(decisions, [](const ApiActivity& one) { return one.user.starts_with("p-"); }));
  };
  refused({"POST", "/v1/jobs", "", to_bytes("{}")}, "submit a job", "invalid_input");
  refused({"POST", "/v1/forecasts", "", to_bytes("{}")}, "ask what a job would come to", "invalid_input");
  refused({"PUT", "/v1/blobs/" + sha256(to_bytes("one")).hex(), "", to_bytes("another")}, "upload an input", "invalid_input");
  refused({"PUT", "/v1/blobs/none", "", to_bytes("another")}, "upload an input", "invalid_input");
  for (const char* part : {"", "/explain", "/result", "/bundle"})
    refused({"GET", "/v1/jobs/" + job.str() + part, "", {}}, "read a job", "job_unknown");
  refused({"POST", "/v1/jobs/" + job.str() + "/cancel", "", {}}, "cancel a job", "job_unknown");
  refused({"POST", "/v1/log/cosignatures", "", to_bytes("nothing")}, "cosign the log", "conflict");
  refused({"GET", "/v1/crl", "", {}}, "read the revocation list", "denied");
  // What clients are told of a contract still begins with the JSON pointer.
  const auto told = pool.call<JobStatus>([&](auto done) { owner->submit("{}", done); });
  CHECK(told.error().message.find("invalid_input") == std::string::npos);
}
