// A client whose hub goes away while it waits for answers.
#include <forgepool/backends/memory_transport.hpp>
#include <forgepool/client.hpp>
#include <forgepool/testing/virtual_event_loop.hpp>

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
