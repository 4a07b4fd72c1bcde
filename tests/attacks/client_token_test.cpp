// Tokens of clients: left out, stolen, used twice, for something else, and made wider.
#include "../support/permitted.hpp"
#include "world.hpp"

#include "identity/key_id.hpp"

using namespace forgepool;
using namespace forgepool::attacks;
using namespace std::chrono_literals;

namespace {

struct Clients : World {
  Node alice = client("alice"), mallory = client("mallory");

  std::string token(Node& node, client::Permit permit, std::string parent = {}) {
    const auto exchange = [&](Request request) { return ask_bare(*node.connection, std::move(request)); };
    return test::token_for(permit, exchange, std::move(parent));
  }
  static Request submission(const std::string& id, std::string token) {
    return post(
        "/v1/jobs",
        to_bytes(
            R"({"ctx":{"job_id":")" + id +
            R"("},"op":{"name":"noop","version":"1","profile":"noop.v1"},"args":{"shards":1},"policy":{"verify":"none"}})"),
        std::move(token));
  }
  /// As the hub would make them for this client.
  identity::TokenClaims claims(const Node& node, std::vector<std::string> actions) const {
    identity::TokenClaims claims;
    claims.issuer = claims.audience = "spiffe://" + identity.trust_domain + "/hub";
    claims.subject = node.credentials.name;
    claims.token_id = "t-forged";
    claims.issued_at = claims.not_before = std::chrono::floor<std::chrono::seconds>(loop->now());
    claims.expires_at = claims.issued_at + 5min;
    claims.key_thumbprint = identity::jwk_thumbprint(node.credentials.identity.key->public_key());
    claims.organization = identity.trust_domain;
    claims.project = node.credentials.name.substr(node.credentials.name.rfind('/') + 1);
    claims.actions = std::move(actions);
    return claims;
  }
};

}  // namespace

TEST_CASE("a client's certificate alone submits, uploads, reads and cancels nothing") {
  Clients world;
  const Refusal missing{401, "token_missing"};
  CHECK(world.refusal_bare(world.alice, Clients::submission("j-1", "")) == missing);
  CHECK(world.refusal_bare(world.alice, get("/v1/jobs")) == missing);
  CHECK(world.refusal_bare(world.alice, get("/v1/jobs/j-1/result")) == missing);
  CHECK(world.refusal_bare(world.alice, post("/v1/jobs/j-1/cancel", {})) == missing);
  CHECK(world.refusal_bare(world.alice, {"PUT", "/v1/blobs/" + sha256(Bytes{1}).hex(), "", Bytes{1}}) == missing);
  world.honest_work_goes_on();
}

TEST_CASE("a client's token is worth nothing from the connection of another client") {
  Clients world;
  const Refusal holder{401, "token_holder"};
  CHECK(world.refusal(world.mallory, Clients::submission("j-1", world.token(world.alice, {"submit", "", {}, true}))) == holder);
  CHECK(world.refusal(world.mallory, get("/v1/jobs", world.token(world.alice, {"list", "", {}, false}))) == holder);
  // Nor does a narrower one come from it.
  Request ask =
      post("/v1/tokens", client::token_ask({"list", "", {}, false}), world.token(world.alice, {"list", "", {}, false}));
  CHECK(world.refusal_bare(world.mallory, ask) == holder);
  world.honest_work_goes_on();
}

TEST_CASE("a request for a change that is replayed changes nothing, and another one with its token is refused") {
  Clients world;
  const std::string token = world.token(world.alice, {"submit", "", {}, true});
  const auto first = Clients::submission("j-1", token);
  CHECK(world.refusal_bare(world.alice, first) == Refusal{200, "accepted"});
  CHECK(world.refusal_bare(world.alice, first) == Refusal{200, "accepted"});
  CHECK(world.refusal_bare(world.alice, Clients::submission("j-2", token)) == Refusal{401, "token_replayed"});
  const auto list = must(wire::decode<wire::fb::JobListT>(must(world.ask(*world.alice.connection, get("/v1/jobs"))).body));
  CHECK(list.jobs.size() == 1);
  // From a new connection of the same client as well.
  const auto again = must(world.transport->connect(world.connect_options(world.alice.credentials.identity)));
  CHECK(world.ask_bare(*again, Clients::submission("j-3", token))->status == 401);
  world.honest_work_goes_on();
}

TEST_CASE("a token for one input lets no other one in, and one for many changes is none") {
  Clients world;
  const Request upload{"PUT", "/v1/blobs/" + sha256(Bytes{1}).hex(),
                       world.token(world.alice, {"upload", "", sha256(Bytes{2}), true}), Bytes{1}};
  CHECK(world.refusal_bare(world.alice, upload) == Refusal{403, "token_blob"});
  CHECK(world.refusal_bare(world.alice, Clients::submission("j-1", world.token(world.alice, {"submit", "", {}, false}))) ==
        Refusal{403, "token_not_once"});
  world.honest_work_goes_on();
}

TEST_CASE("no token is made wider than the one it comes from, or than its holder's role") {
  Clients world;
  const Refusal widened{403, "token_widened"};
  const auto ask = [&](client::Permit permit, std::string parent) {
    return world.refusal_bare(world.alice, post("/v1/tokens", client::token_ask(permit), std::move(parent)));
  };
  const std::string one_job = world.token(world.alice, {"read", "j-1", {}, false});
  CHECK(ask({"read", "j-2", {}, false}, one_job) == widened);
  CHECK(ask({"submit", "", {}, true}, one_job) == Refusal{403, "token_action"});
  CHECK(ask({"fetch", "", {}, false}, "") == widened);
  CHECK(ask({"submit", "", {}, true}, world.token(world.alice, {"submit", "", {}, true})) == widened);
  CHECK(ask({"read", "a job", {}, false}, "").status == 400);
  Node worker = world.agent();
  CHECK(world.refusal_bare(worker, post("/v1/tokens", client::token_ask({"read", "", {}, false}))) == Refusal{403, "denied"});
  CHECK(world.refusal_bare(world.alice, post("/v1/tokens", to_bytes("nonsense"))).status == 400);
  world.honest_work_goes_on();
}

TEST_CASE("tokens for another project or organization, or that belong to a lease, open no job, whoever signed them") {
  Clients world;
  const auto read = [&](const identity::TokenClaims& claims) {
    return world.refusal_bare(world.alice, get("/v1/jobs/j-1", world.mint(claims)));
  };
  REQUIRE(world.submit(world.alice, 1, "j-1")->status == 200);
  CHECK(read(world.claims(world.alice, {"read"})) == Refusal{200, "accepted"});
  auto claims = world.claims(world.alice, {"read"});
  claims.project = "mallory";
  CHECK(read(claims) == Refusal{403, "token_project"});
  claims = world.claims(world.alice, {"read"});
  claims.organization = "elsewhere";
  CHECK(read(claims) == Refusal{403, "token_organization"});
  claims = world.claims(world.alice, {"read"});
  claims.job = "j-1";
  claims.lease = LeaseId("l-1");
  claims.shards = {0};
  claims.adapter = sha256("an adapter");
  CHECK(read(claims) == Refusal{403, "token_lease"});
  // A token for everything of the organization opens to a client what is the client's, and nothing else.
  claims = world.claims(world.mallory, {"read"});
  claims.project.clear();
  CHECK(world.refusal_bare(world.mallory, get("/v1/jobs/j-1", world.mint(claims))) == Refusal{404, "job_unknown"});
  world.honest_work_goes_on();
}
