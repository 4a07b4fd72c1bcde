/// forgepool/credentials.hpp: the newcomer's side of enrolment.
#include <forgepool/credentials.hpp>

#include "identity/enrolment.hpp"
#include "identity/join_token.hpp"
#include "identity/svid.hpp"
#include "wire/messages.hpp"

namespace forgepool {

void enrol(Transport& transport, const EnrolOptions& options, std::function<void(Result<Credentials>)> done) {
  if (!done) done = [](const auto&) {};
  const auto token = identity::parse_join_token(options.join_token);
  if (!token) return done(fail(token.error()));
  auto key = generate_key(KeyAlgorithm::ecdsa_p256);
  if (!key) return done(fail(key.error()));
  auto csr = make_certificate_request(**key);
  if (!csr) return done(fail(csr.error()));

  ConnectOptions connect;
  connect.address = options.address;
  connect.port = options.port;
  connect.check_peer = identity::check_hub_by_pin(token->hub_pin);
  auto connected = transport.connect(std::move(connect));
  if (!connected) return done(fail(connected.error()));
  const std::shared_ptr<Connection> connection = std::move(*connected);

  wire::fb::EnrollT message;
  const auto secret = token->secret.view();
  message.secret.assign(secret.begin(), secret.end());
  message.certificate_request = std::move(*csr);
  Request request;
  request.method = "POST";
  request.path = "/v1/enroll";
  request.body = wire::encode(message);
  // The connection lives until the answer is there: the callback holds it.
  connection->send(std::move(request),
                   [connection, key = *key, pin = token->hub_pin, done = std::move(done)](Result<Response> response) {
                     if (!response) return done(fail(response.error()));
                     if (response->status != 200)
                       return done(fail(wire::decode_failure(response->body, wire::kind_of(response->status))));
                     const auto enrolled = wire::decode<wire::fb::EnrolledT>(response->body);
                     if (!enrolled) return done(fail(enrolled.error()));
                     done(identity::accept_enrolment(*enrolled, key, {pin}));
                   });
}

}  // namespace forgepool
