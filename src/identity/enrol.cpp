/// forgepool/credentials.hpp: the newcomer's side of enrolment.
#include <forgepool/credentials.hpp>

#include "identity/join_token.hpp"
#include "identity/svid.hpp"
#include "wire/messages.hpp"

namespace forgepool {
namespace {

/// Checks what the hub sent: a certificate for our key, by the CA that comes with it.
Result<Credentials> accept(const wire::fb::EnrolledT& enrolled, std::shared_ptr<Signer> key, const Digest& hub_pin) {
  if (enrolled.chain.size() != 2) return fail(ErrorKind::corrupt, "the hub sent a chain of unexpected length");
  Credentials credentials;
  for (const auto& certificate : enrolled.chain) credentials.identity.certificate_chain.push_back(certificate->der);
  credentials.ca_certificate = credentials.identity.certificate_chain.back();
  auto leaf = parse_certificate(credentials.identity.certificate_chain.front());
  if (!leaf) return fail(leaf.error());
  const auto ca = parse_certificate(credentials.ca_certificate);
  if (!ca) return fail(ca.error());
  if (leaf->key != key->public_key() || !is_signed_by(*leaf, ca->key))
    return fail(ErrorKind::corrupt, "the hub sent a certificate that is not for our key");
  const auto svid = identity::check_svid_profile(std::move(*leaf));
  if (!svid) return fail(svid.error());
  credentials.identity.key = std::move(key);
  credentials.hub_pin = hub_pin;
  credentials.name = svid->id.uri();
  return credentials;
}

}  // namespace

void enrol(Transport& transport, const EnrolOptions& options, std::function<void(Result<Credentials>)> done) {
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
                     done(accept(*enrolled, key, pin));
                   });
}

}  // namespace forgepool
