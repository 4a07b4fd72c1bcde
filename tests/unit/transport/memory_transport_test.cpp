// The in-memory transport between loops on different threads.
#include "../../conformance/transport/world.hpp"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <thread>

using namespace forgepool;
using namespace forgepool::test;

TEST_CASE("two loops on two threads talk to each other, and either may go first") {
  const Authority authority;
  const auto hub = authority.issue("hub"), agent = authority.issue("agent");
  const auto network = make_memory_network();
  for (int round = 0; round < 20; ++round) {
    const auto hub_loop = make_event_loop(), agent_loop = make_event_loop();
    std::atomic<bool> listening = false;
    std::thread hub_thread([&] {
      const auto transport = make_memory_transport(*hub_loop, network);
      std::unique_ptr<Listener> listener;
      int served = 0;
      ListenOptions options;
      options.address = "hub";
      options.port = 1;
      options.identity = hub;
      options.check_peer = authority.check();
      options.handler = [&](const Peer&, Request request, Responder respond) {
        respond({200, "text/plain", std::move(request.body)});
        if (++served == 150 && round % 2 == 0) hub_loop->stop();  // Leaves while requests are under way.
        if (request.path == "/last") hub_loop->stop();
      };
      listener = transport->listen(std::move(options)).value();
      listening = true;
      hub_loop->run_for(std::chrono::seconds(60));
    });
    while (!listening) std::this_thread::yield();
    const auto transport = make_memory_transport(*agent_loop, network);
    ConnectOptions options;
    options.address = "hub";
    options.port = 1;
    options.identity = agent;
    options.check_peer = authority.check(pin_of(hub));
    auto connection = transport->connect(std::move(options)).value();
    int results = 0, answered = 0;
    for (int i = 0; i < 300; ++i)
      connection->send(post(i == 299 ? "/last" : "/", pattern(1000)), [&](Result<Response> response) {
        answered += response.has_value();
        if (++results == 300) agent_loop->stop();
      });
    CHECK(agent_loop->run_for(std::chrono::seconds(60)));
    CHECK(results == 300);
    if (round % 2 == 1) CHECK(answered == 300);
    connection.reset();
    hub_thread.join();
  }
}
