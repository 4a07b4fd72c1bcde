// What agents learn: every byte that they are sent, of a run of several organizations with names that cannot be there by
// chance.
#include "pool.hpp"
#include "search.hpp"

#include <algorithm>

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;

TEST_CASE("agents are sent no name of an organization, project, client or job, and no shard that is not theirs") {
  Pool pool;
  std::vector<std::unique_ptr<Pool::Member>> agents;
  for (const auto organization : {Pool::aurora, Pool::aurora, Pool::borealis, Pool::borealis})
    agents.push_back(pool.start_agent(organization));

  // Enrolled, so that certificates of clients are about, too.
  const auto customer = [&](std::size_t organization, const std::string& project) {
    Invitation invitation;
    invitation.role = "client";
    invitation.project = project;
    return pool.enrol(pool.invite(organization, invitation));
  };
  const auto first = customer(Pool::aurora, "zephyr-reinsurance"), second = customer(Pool::borealis, "quasar-trading");
  std::vector<std::string> words{"aurora-insurance", "borealis-bank",  "zephyr-reinsurance",
                                 "quasar-trading",   "Windkessel-Job", "Xylophone-Job"};
  for (const auto& credentials : {first, second}) words.push_back(credentials.name.substr(credentials.name.rfind('/') + 1));

  std::vector<std::unique_ptr<Client>> clients;
  std::vector<JobId> jobs;
  for (const auto& [credentials, name] : {std::pair{first, "Windkessel-Job"}, {second, "Xylophone-Job"}}) {
    clients.push_back(pool.client(credentials));
    const auto job = must(pool.call<JobStatus>([&](auto done) { clients.back()->submit(Pool::contract(12, name, 2), done); }));
    jobs.push_back(job.id);
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto end = must(pool.call<JobStatus>([&](auto done) { clients[i]->wait(jobs[i], nullptr, done); }));
    CHECK(end.state == JobState::done);
    CHECK(end.agents == 2);
    // What bundles commit to in the open is not for agents either.
    const auto bundle = must(pool.call<std::string>([&](auto done) { clients[i]->bundle(jobs[i], done); }));
    CHECK(bundle.find(i == 0 ? "Windkessel-Job" : "Xylophone-Job") != std::string::npos);
  }

  // Errors tell nothing either: requests for what is not theirs, by an agent, on its own connection.
  const auto probe = pool.connect(agents[0]->credentials);
  for (const auto& [method, path] : {std::pair{"GET", "/v1/jobs/Windkessel-Job"},
                                     {"GET", "/v1/jobs"},
                                     {"GET", "/checkpoint"},
                                     {"GET", "/v1/organizations"},
                                     {"POST", "/v1/agent/result"},
                                     {"POST", "/v1/agent/lease"},
                                     {"GET", "/v1/agent/blob/0000000000000000000000000000000000000000000000000000000000000000"},
                                     {"GET", "/nowhere"}}) {
    Request request;
    request.method = method;
    request.path = path;
    agents[0]->received->push_back(must(pool.exchange(*probe, std::move(request))).body);
  }

  std::size_t bytes = 0, grants = 0;
  for (const auto& agent : agents) {
    CHECK(agent->agent->statistics().shards > 0);
    for (const auto& message : *agent->received) {
      bytes += message.size();
      grants += contains(message, "v4.public.");
      for (const auto& word : words) {
        INFO("the word " << word << " was sent to " << agent->credentials.name);
        CHECK_FALSE(contains_in_any_form(message, word));
      }
      for (const auto& other : agents)
        if (other != agent) CHECK_FALSE(contains_in_any_form(message, other->id()));
    }
  }
  CHECK(bytes > 10'000);  // It was all recorded,
  CHECK(grants >= 24);    // with the leases in it.
}

TEST_CASE("the search finds a word in every form that it is to find") {
  for (const std::string before : {"", "x", "xy"}) {
    const Bytes text = to_bytes(before + "a secret-organization-name in a text");
    CHECK(contains_in_any_form(text, "secret-organization-name"));
    CHECK(contains_in_any_form(to_bytes(to_base64(text)), "secret-organization-name"));
    CHECK(contains_in_any_form(to_bytes(to_base64url(text)), "secret-organization-name"));
    CHECK(contains_in_any_form(to_bytes(to_hex(text)), "secret-organization-name"));
  }
  CHECK_FALSE(contains_in_any_form(to_bytes("nothing of it"), "secret-organization-name"));
}
