// A client whose hub goes away while it waits for answers.
#include <forgepool/backends/memory_transport.hpp>
#include <forgepool/client.hpp>
#include <forgepool/testing/virtual_event_loop.hpp>

#include "wire/job_messages.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;
using namespace std::chrono_literals;

TEST_CASE("a callback that asks again after the connection broke does not keep others from hearing of it") {
  testing::VirtualEventLoop loop;
  const auto identity = make_hub_identity("client.test", loop.now()).value();
  const auto network = make_memory_network();
  const auto hub = make_memory_transport(loop, network);
  std::vector<Responder> unanswered;
  ListenOptions options;
  options.port = 1;
  options.identity = identity.tls;
  options.check_peer = [](const std::vector<Bytes>&, Time) -> Result<std::string> { return "spiffe://client.test/client/c"; };
  options.handler = [&](const Peer&, const Request&, Responder respond) { unanswered.push_back(std::move(respond)); };
  auto listener = hub->listen(std::move(options)).value();
  const auto client = connect_client(loop, issue_credentials(identity, "client/c", loop.now()).value(),
                                     make_memory_transport(loop, network), {"127.0.0.1", 1})
                          .value();

  int told = 0;
  const auto ask_again = [&](const Result<JobStatus>& status) {
    CHECK(status.error().kind == ErrorKind::unavailable);
    ++told;
    client->jobs([](const auto&) {});
  };
  for (const char* job : {"one", "two", "three"}) client->status(JobId(job), 0, 0s, ask_again);
  REQUIRE(loop.run_until([&] { return unanswered.size() == 3; }, 1min));
  listener.reset();
  loop.advance(1min);
  CHECK(told == 3);
}

TEST_CASE("a submission whose answer was lost is sent again with its token, and so is the same submission") {
  testing::VirtualEventLoop loop;
  const auto identity = make_hub_identity("client.test", loop.now()).value();
  const auto network = make_memory_network();
  const auto hub = make_memory_transport(loop, network);
  std::unique_ptr<Listener> listener;
  std::vector<Request> submissions;
  int tokens = 0;
  ListenOptions options;
  options.port = 1;
  options.identity = identity.tls;
  options.check_peer = [](const std::vector<Bytes>&, Time) -> Result<std::string> { return "spiffe://client.test/client/c"; };
  options.handler = [&](const Peer&, Request request, Responder respond) {
    if (request.path == "/v1/tokens") {
      wire::fb::TokenGrantT grant;
      grant.token = "token-" + std::to_string(++tokens);
      grant.life_ms = 300'000;
      return respond({200, "application/octet-stream", wire::encode(grant)});
    }
    submissions.push_back(std::move(request));
    if (submissions.size() == 1) return listener->disconnect([](const Peer&) { return true; });
    JobStatus status;
    status.id = JobId("job-1");
    respond({200, "application/octet-stream", wire::encode(wire::to_wire(status))});
  };
  listener = hub->listen(std::move(options)).value();
  const auto client = connect_client(loop, issue_credentials(identity, "client/c", loop.now()).value(),
                                     make_memory_transport(loop, network), {"127.0.0.1", 1})
                          .value();
  std::optional<Result<JobStatus>> answer;
  client->submit("{}", [&](Result<JobStatus> status) { answer = std::move(status); });
  REQUIRE(loop.run_until([&] { return answer.has_value(); }, 1min));
  CHECK((*answer)->id == JobId("job-1"));
  REQUIRE(submissions.size() == 2);
  CHECK(tokens == 1);
  CHECK(submissions[0].authorization == "token-1");
  CHECK(submissions[1].authorization == "token-1");
  CHECK(submissions[0].body == submissions[1].body);
}
