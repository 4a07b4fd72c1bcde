#include "identity/enrolment.hpp"
#include "identity/join_token.hpp"
#include "identity/svid.hpp"
#include "wire/messages.hpp"

#include <forgepool/credentials.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;
using namespace std::chrono_literals;

namespace {

const Time now = *from_rfc3339("2026-01-31T08:15:00Z");

/// Lets the newcomer check `server_chain`, then answers its one request with `answer`.
class OneShotTransport final : public Transport {
 public:
  std::vector<Bytes> server_chain;
  std::function<Response(const Request&)> answer;

  Result<std::unique_ptr<Listener>> listen(ListenOptions) override { return fail(ErrorKind::unsupported, "connects only"); }
  Result<std::unique_ptr<Connection>> connect(ConnectOptions options) override {
    CHECK(options.identity.certificate_chain.empty());
    return std::make_unique<OneShot>(*this, options.check_peer(server_chain, now));
  }

 private:
  class OneShot final : public Connection {
   public:
    OneShot(OneShotTransport& owner, Result<std::string> peer) : owner_(owner), peer_(std::move(peer)) {}
    void send(Request request, std::function<void(Result<Response>)> done) override {
      if (!peer_) return done(fail(peer_.error()));
      done(owner_.answer(request));
    }
    bool usable() const override { return peer_.has_value(); }

   private:
    OneShotTransport& owner_;
    const Result<std::string> peer_;
  };
};

struct Enrolment {
  HubIdentity hub = *make_hub_identity("pool.example", now);
  Certificate ca = *parse_certificate(hub.ca_certificate);
  identity::JoinToken token = identity::make_join_token(hub.pin());
  OneShotTransport transport;

  Enrolment() { transport.server_chain = hub.tls.certificate_chain; }

  Result<Credentials> run() {
    std::optional<Result<Credentials>> result;
    enrol(transport, {"127.0.0.1", 1, token.text()}, [&](Result<Credentials> credentials) { result = std::move(credentials); });
    REQUIRE(result);
    return std::move(*result);
  }
  /// Issues for the key in the request, as a hub does.
  wire::fb::EnrolledT issue(const Request& request) const {
    const auto message = *wire::decode<wire::fb::EnrollT>(request.body);
    CHECK(request.path == "/v1/enroll");
    CHECK(identity::is_join_secret(message.secret, identity::join_secret_hash(token.secret.view())));
    return identity::write_enrolment(
        {*identity::issue_svid_for_request(ca, *hub.ca_key, message.certificate_request,
                                           {"pool.example", identity::NodeRole::agent, "a-1"}, now),
         hub.ca_certificate},
        hub, now);
  }
  static Response enrolled(const wire::fb::EnrolledT& message) {
    return {200, "application/octet-stream", wire::encode(message)};
  }
};

}  // namespace

TEST_CASE("a newcomer with a join token gets a certificate for its own key") {
  Enrolment e;
  e.transport.answer = [&](const Request& request) { return Enrolment::enrolled(e.issue(request)); };
  const auto credentials = e.run();
  REQUIRE(credentials);
  CHECK(credentials->name == "spiffe://pool.example/agent/a-1");
  CHECK(credentials->hub_pins == e.hub.pins());
  CHECK(credentials->hub_name == "spiffe://pool.example/hub");
  CHECK((*identity::check_hub(*credentials))(e.hub.tls.certificate_chain, now));
  CHECK(parse_certificate(credentials->identity.certificate_chain.front())->key == credentials->identity.key->public_key());
}

TEST_CASE("a newcomer shows its secret to nobody but the pinned hub") {
  Enrolment e;
  const auto other = *make_hub_identity("pool.example", now);
  e.transport.server_chain = other.tls.certificate_chain;
  bool asked = false;
  e.transport.answer = [&](const Request& request) {
    asked = true;
    return Enrolment::enrolled(e.issue(request));
  };
  CHECK(e.run().error().kind == ErrorKind::unauthenticated);
  CHECK_FALSE(asked);
}

TEST_CASE("the hub's refusal reaches the newcomer with its kind and sentence") {
  Enrolment e;
  const Error refusal{ErrorKind::denied, "this join token is used up"};
  e.transport.answer = [&](const Request&) {
    return Response{wire::status_of(refusal.kind), "application/octet-stream", wire::encode_failure(refusal)};
  };
  CHECK(e.run().error() == refusal);
}

TEST_CASE("an answer that is not a certificate for the newcomer's key is refused") {
  Enrolment e;
  const auto other_key = *generate_key(KeyAlgorithm::ecdsa_p256);
  const auto foreign = *identity::issue_svid(e.ca, *e.hub.ca_key, other_key->public_key(),
                                             {"pool.example", identity::NodeRole::agent, "a-2"}, now);
  const auto answers_with = [&](auto make) {
    e.transport.answer = make;
    return e.run().has_value();
  };
  // What is sent in good order, but for one thing.
  const auto answers_but = [&](auto change) {
    return answers_with([&](const Request& request) {
      auto message = e.issue(request);
      change(message);
      return Enrolment::enrolled(message);
    });
  };
  CHECK(answers_but([](wire::fb::EnrolledT&) {}));
  CHECK_FALSE(answers_but([&](auto& message) { message.chain.front()->der = foreign; }));
  CHECK_FALSE(answers_but([](auto& message) { message.chain.pop_back(); }));
  CHECK_FALSE(
      answers_but([](auto& message) { message.chain.back()->der = make_hub_identity("pool.example", now)->ca_certificate; }));
  CHECK_FALSE(answers_but([](auto& message) { message.hub_cas.clear(); }));
  CHECK_FALSE(answers_but([](auto& message) { message.hub_cas.front()->der = {1}; }));
  CHECK_FALSE(answers_but([](auto& message) { message.hub_pins.clear(); }));
  CHECK_FALSE(answers_but([](auto& message) { message.hub_pins = {wire::to_wire(sha256("another hub"))}; }));
  CHECK_FALSE(answers_but([](auto& message) { message.hub_pins.resize(9, message.hub_pins.front()); }));
  for (const char* name : {"", "spiffe://pool.example/agent/a-1", "nonsense"})
    CHECK_FALSE(answers_but([&](auto& message) { message.hub_name = name; }));
  CHECK_FALSE(answers_with([&](const Request&) { return Response{200, "", to_bytes("nonsense")}; }));
  CHECK_FALSE(answers_with([&](const Request&) { return Response{500, "", {}}; }));
}
