// What `explain` says of each shard of a job that waits: through the hub, as a client asks for it.
#include "pool.hpp"
#include "wire/messages.hpp"

#include <algorithm>

using namespace forgepool;
using namespace forgepool::test;

namespace {

/// An agent that takes what it is given and does nothing with it. Returns the shards' numbers.
std::vector<std::uint32_t> take_lease(Pool& pool, Connection& agent, std::uint32_t shards) {
  wire::fb::LeaseAskT ask;
  ask.max_shards = shards;
  const auto answer = must(pool.exchange(agent, {"POST", "/v1/agent/lease", "", wire::encode(ask)}));
  REQUIRE(answer.status == 200);
  std::vector<std::uint32_t> taken;
  for (const auto& shard : must(wire::decode<wire::fb::LeaseGrantT>(answer.body)).shards) taken.push_back(shard->index);
  return taken;
}

/// Of each shard the codes of its reasons to wait, in order.
std::vector<std::vector<std::string>> codes_by_shard(Pool& pool, Client& client, const JobId& job) {
  const auto explanation = must(pool.call<JobExplanation>([&](auto done) { client.explain(job, done); }));
  std::vector<std::vector<std::string>> codes;
  for (const auto& shard : explanation.shards) {
    CHECK(shard.index == codes.size());
    codes.emplace_back();
    for (const auto& reason : shard.reasons) {
      codes.back().push_back(reason.code);
      CHECK_FALSE(reason.text.empty());
      CHECK_FALSE(reason.unblock.empty());
    }
  }
  return codes;
}

}  // namespace

TEST_CASE("shards of one job wait for reasons of their own, and explain says which of each") {
  Pool pool;
  const auto client = pool.client(pool.issue(Pool::aurora, "client/customer"));
  const auto job = must(pool.call<JobStatus>([&](auto done) { client->submit(Pool::contract(4, "", 2), done); })).id;
  using Codes = std::vector<std::string>;
  CHECK(codes_by_shard(pool, *client, job) == std::vector<Codes>(4, {"no_agents"}));

  const auto first = pool.connect(pool.enrol(pool.invite(Pool::aurora, {})));
  REQUIRE(take_lease(pool, *first, 2) == std::vector<std::uint32_t>{0, 1});
  // Each wants a second agent, and the only one has two of them; the others could be given to it.
  CHECK(codes_by_shard(pool, *client, job) == std::vector<Codes>{{"had_it"}, {"had_it"}, {"not_its_turn"}, {"not_its_turn"}});

  const auto second = pool.connect(pool.enrol(pool.invite(Pool::aurora, {})));
  const auto taken = take_lease(pool, *second, 1);
  REQUIRE(taken.size() == 1);
  const auto now = codes_by_shard(pool, *client, job);
  for (std::uint32_t shard = 0; shard < 4; ++shard) {
    const bool has_first = shard < 2, has_second = shard == taken.front();
    INFO("shard " << shard);
    if (has_first && has_second)
      CHECK(now[shard].empty());  // Both are at work on it.
    else
      CHECK(std::ranges::count(now[shard], "had_it") == (has_first || has_second));
  }
}
