// Getting in by the door for newcomers.
#include "world.hpp"

#include "crypto/x509.hpp"
#include "identity/join_token.hpp"

#include <catch2/generators/catch_generators.hpp>

using namespace forgepool;
using namespace forgepool::attacks;
using namespace std::chrono_literals;

namespace {

struct Door : World {
  Connection& door = connect({}, true);

  static Bytes secret_of(const std::string& token) {
    const auto parsed = must(identity::parse_join_token(token));
    return {parsed.secret.view().begin(), parsed.secret.view().end()};
  }
  static Bytes request_for(KeyAlgorithm algorithm = KeyAlgorithm::ecdsa_p256) {
    return must(make_certificate_request(*must(generate_key(algorithm))));
  }
  Request enroll(const Bytes& secret, const Bytes& certificate_request) {
    wire::fb::EnrollT message;
    message.secret = secret;
    message.certificate_request = certificate_request;
    return post("/v1/enroll", wire::encode(message));
  }
};

}  // namespace

TEST_CASE("a join token is used up by its first use; its request, replayed, gets nothing") {
  Door world;
  const auto request = world.enroll(Door::secret_of(world.join_token()), Door::request_for());
  CHECK(world.refusal(world.door, request) == Refusal{200, "accepted"});
  CHECK(world.refusal(world.door, request) == Refusal{403, "join_token_unknown"});
  world.honest_work_goes_on();
}

TEST_CASE("a join token that ran out opens nothing") {
  Door world;
  const Bytes secret = Door::secret_of(world.join_token(1ms));
  world.run_for(10ms);
  CHECK(world.refusal(world.door, world.enroll(secret, Door::request_for())) == Refusal{403, "join_token_expired"});
  CHECK(world.refusal(world.door, world.enroll(secret, Door::request_for())) == Refusal{403, "join_token_unknown"});
  world.honest_work_goes_on();
}

TEST_CASE("who guesses join tokens has to wait after a few, while those with connections go on") {
  Door world;
  Node agent = world.agent();
  const Bytes good = Door::secret_of(world.join_token());
  for (int i = 0; i < 10; ++i) {
    Bytes guess = good;
    guess[0] ^= static_cast<std::uint8_t>(i + 1);
    CHECK(world.refusal(world.door, world.enroll(guess, Door::request_for())) == Refusal{403, "join_token_unknown"});
  }
  // From another connection, too, and even with a good token: else a guess that hit would be seen.
  CHECK(world.refusal(world.door, world.enroll(good, Door::request_for())) == Refusal{503, "join_rate"});
  CHECK(world.refusal(world.connect({}, true), world.enroll(good, Door::request_for())) == Refusal{503, "join_rate"});
  CHECK(world.refusal(agent, post("/v1/agent/heartbeat", wire::encode(wire::fb::HeartbeatT()))) == Refusal{200, "accepted"});
}

TEST_CASE("a join token cut short, doubled or empty is unknown") {
  Door world;
  const Bytes good = Door::secret_of(world.join_token());
  Bytes doubled = good;
  doubled.insert(doubled.end(), good.begin(), good.end());
  for (const Bytes& secret : {Bytes(), Bytes(good.begin(), good.end() - 1), doubled})
    CHECK(world.refusal(world.door, world.enroll(secret, Door::request_for())) == Refusal{403, "join_token_unknown"});
  CHECK(world.refusal(world.door, world.enroll(Bytes(60'000, 0), Door::request_for())) == Refusal{413, "message_bound"});
  world.honest_work_goes_on();
}

TEST_CASE("a certificate request that its key did not sign is refused, and the join token stays good") {
  Door world;
  const Bytes secret = Door::secret_of(world.join_token());
  Bytes damaged = Door::request_for();
  damaged.back() ^= 1;
  const auto refusal = world.refusal(world.door, world.enroll(secret, damaged));
  CHECK((refusal == Refusal{401, "unauthenticated"} || refusal == Refusal{400, "invalid_input"}));
  CHECK(world.refusal(world.door, world.enroll(secret, Door::request_for())) == Refusal{200, "accepted"});
  world.honest_work_goes_on();
}

TEST_CASE("what is no PKCS#10 request for a P-256 key is refused") {
  Door world;
  const Bytes secret = Door::secret_of(world.join_token());
  const Refusal refused{400, "invalid_input"};
  CHECK(world.refusal(world.door, world.enroll(secret, {})) == refused);
  CHECK(world.refusal(world.door, world.enroll(secret, world.identity.ca_certificate)) == refused);
  CHECK(world.refusal(world.door, world.enroll(secret, Door::request_for(KeyAlgorithm::ed25519))) == refused);
  CHECK(world.refusal(world.door, world.enroll(secret, Bytes(1'000, 0x30))) == refused);
  CHECK(world.refusal(world.door, world.enroll(secret, Bytes(50'000, 0x30))) == Refusal{413, "message_bound"});
  world.honest_work_goes_on();
}

TEST_CASE("a request to enrol that is larger than any good one is cut off") {
  Door world;
  CHECK(world.ask(world.door, post("/v1/enroll", Bytes(65u << 10)))->status == 413);
  world.honest_work_goes_on();
}

TEST_CASE("a message that is no request to enrol is refused before its secret is looked at") {
  Door world;
  CHECK(world.refusal(world.door, post("/v1/enroll", {})) == Refusal{400, "message_malformed"});
  CHECK(world.refusal(world.door, post("/v1/enroll", Bytes(1000, 0xff))) == Refusal{400, "message_malformed"});
  CHECK(world.refusal(world.door, post("/v1/enroll", wire::encode(wire::fb::LeaseAskT()))) ==
        Refusal{400, "message_malformed"});
  world.honest_work_goes_on();
}

TEST_CASE("the enrolment port is for nothing else, and nobody enrols at the other one") {
  Door world;
  for (const char* path : {"/healthz", "/v1/jobs", "/v1/agents", "/", "/v1/enroll"})
    CHECK(world.refusal(world.door, get(path)) == Refusal{404, "endpoint_unknown"});
  CHECK(world.refusal(world.door, post("/v1/agent/lease", wire::encode(wire::fb::LeaseAskT()))) ==
        Refusal{404, "endpoint_unknown"});
  Node client = world.client();
  CHECK(world.refusal(client, post("/v1/enroll", {})) == Refusal{404, "endpoint_unknown"});
  world.honest_work_goes_on();
}

TEST_CASE("a key whose agent or client was revoked does not come in again under a new name") {
  const std::string role = GENERATE("agent", "client");
  CAPTURE(role);
  Door world;
  const auto key = must(generate_key(KeyAlgorithm::ecdsa_p256));
  const Bytes request = must(make_certificate_request(*key));
  const auto come_in = [&](const std::string& as) {
    return world.ask(world.door, world.enroll(Door::secret_of(world.join_token(1h, as)), request));
  };
  const auto first = must(come_in(role));
  REQUIRE(first.status == 200);
  const auto enrolled = must(wire::decode<wire::fb::EnrolledT>(first.body));
  const std::string uri = must(parse_certificate(enrolled.chain.front()->der)).fields.uri_names.front();
  Node boss = world.operator_();
  wire::fb::RevokeT revoke;
  revoke.kind = role;
  revoke.id = uri.substr(uri.rfind('/') + 1);
  CHECK(world.refusal(boss, post("/v1/revocations", wire::encode(revoke))) == Refusal{200, "accepted"});
  for (const std::string as : {"agent", "client"}) {
    const auto secret = Door::secret_of(world.join_token(1h, as));
    const Refusal refused = role == "agent" ? Refusal{409, "key_enrolled"} : Refusal{403, "key_revoked"};
    CHECK(world.refusal(world.door, world.enroll(secret, request)) == refused);
    // The token is not used up by it.
    CHECK(world.refusal(world.door, world.enroll(secret, Door::request_for())) == Refusal{200, "accepted"});
  }
  world.honest_work_goes_on();
}
