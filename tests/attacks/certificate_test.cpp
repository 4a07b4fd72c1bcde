// Certificates that are not quite right, and who shows them.
#include "world.hpp"

#include "crypto/x509.hpp"

#include <catch2/generators/catch_generators.hpp>

using namespace forgepool;
using namespace forgepool::attacks;
using namespace std::chrono_literals;

namespace {

Refusal refused(std::string code) {
  return {0, std::move(code)};
}

/// A certificate with one thing changed is refused with this code.
void changed(const std::function<void(CertificateFields&)>& change, const std::string& code,
             const std::string& path = "agent/a-1") {
  World world;
  auto fields = world.fields(path);
  change(fields);
  CHECK(world.handshake(world.certified(fields)) == refused(code));
  world.honest_work_goes_on();
}

}  // namespace

TEST_CASE("a certificate for another trust domain does not open the hub") {
  changed([](CertificateFields& fields) { fields.uri_names = {"spiffe://elsewhere.pool/agent/a-1"}; }, "svid_trust_domain");
}
TEST_CASE("two URI names are one too many") {
  changed([](CertificateFields& fields) { fields.uri_names.push_back("spiffe://attacked.pool/operator"); }, "svid_names");
}
TEST_CASE("a certificate without a URI name is nobody's") {
  changed([](CertificateFields& fields) { fields.uri_names.clear(), fields.common_name = "operator"; }, "svid_names");
}
TEST_CASE("a certificate of a CA is no node's") {
  changed([](CertificateFields& fields) { fields.is_ca = true; }, "svid_ca");
}
TEST_CASE("a certificate for other purposes does not open the hub") {
  changed([](CertificateFields& fields) { fields.extended_key_usage = {std::string(eku_server_auth)}; },
          "svid_extended_key_usage");
  changed([](CertificateFields& fields) { fields.extended_key_usage.clear(); }, "svid_extended_key_usage");
  changed([](CertificateFields& fields) { fields.extended_key_usage.push_back("1.3.6.1.5.5.7.3.3"); },
          "svid_extended_key_usage");
}
TEST_CASE("a certificate whose key may sign certificates does not open the hub") {
  changed([](CertificateFields& fields) { fields.key_usage |= key_usage::key_cert_sign; }, "svid_key_usage");
}
TEST_CASE("within its grace for renewal an expired certificate opens nothing else") {
  World world;
  auto fields = world.fields("agent/a-1");
  fields.not_after = fields.not_before + 1min;
  CHECK(world.handshake(world.certified(fields)) == Refusal{401, "certificate_expired"});
  world.honest_work_goes_on();
}
TEST_CASE("a certificate that is not valid yet does not open the hub") {
  changed([](CertificateFields& fields) { fields.not_before += 30min; }, "certificate_not_yet_valid");
}
TEST_CASE("an agent's certificate has no DNS names") {
  changed([](CertificateFields& fields) { fields.dns_names = {"hub.example"}; }, "svid_names");
}
TEST_CASE("SPIFFE ids with tricks in them are none") {
  const std::string path =
      GENERATE("agent/../operator", "agent/a/operator", "agent/", "agent/a%2foperator", "Operator", "operator/", "root", "");
  CAPTURE(path);
  changed([&](CertificateFields& fields) { fields.uri_names = {"spiffe://attacked.pool/" + path}; }, "svid_id");
}
TEST_CASE("a hub's certificate is not for clients") {
  changed([](CertificateFields&) {}, "svid_role", "hub");
}

TEST_CASE("a certificate for an Ed25519 key is no node's") {
  World world;
  CHECK(world.handshake(world.certified(world.fields("agent/a-1"), KeyAlgorithm::ed25519)) == refused("svid_key_type"));
  world.honest_work_goes_on();
}

TEST_CASE("another CA of the same name convinces nobody") {
  World world;
  const auto impostor = must(make_hub_identity(world.identity.trust_domain, world.loop->now()));
  const auto forged = must(issue_credentials(impostor, "operator", world.loop->now()));
  const auto refusal = world.handshake(forged.identity);
  CHECK(refusal.status == 0);
  CHECK((refusal.code == "chain_signature" || refusal.code == "chain_issuer"));
  world.honest_work_goes_on();
}

TEST_CASE("a self-signed certificate convinces nobody") {
  World world;
  TransportIdentity own;
  own.key = must(generate_key(KeyAlgorithm::ecdsa_p256));
  const auto ca_der = must(make_ca_certificate(*own.key, {"attacked.pool", world.loop->now() - 1h, world.loop->now() + 1h, 0}));
  own.certificate_chain = {
      must(make_certificate(must(parse_certificate(ca_der)), *own.key, own.key->public_key(), world.fields("operator"))),
      ca_der};
  const auto refusal = world.handshake(own);
  CHECK(refusal.status == 0);
  CHECK(refusal.code.starts_with("chain_"));
  world.honest_work_goes_on();
}

TEST_CASE("an agent is no CA: what it certifies is not believed") {
  World world;
  const Node agent = world.agent();
  TransportIdentity own;
  own.key = must(generate_key(KeyAlgorithm::ecdsa_p256));
  const auto& issuer = agent.credentials.identity;
  auto claimed = must(parse_certificate(issuer.certificate_chain.front()));
  claimed.fields.is_ca = true;  // By its own account.
  claimed.fields.key_usage |= key_usage::key_cert_sign;
  own.certificate_chain = {must(make_certificate(claimed, *issuer.key, own.key->public_key(), world.fields("operator"))),
                           issuer.certificate_chain.front()};
  const auto refusal = world.handshake(own);
  CHECK(refusal.status == 0);
  CHECK((refusal.code == "issuer_not_ca" || refusal.code == "chain_intermediate"));
  world.honest_work_goes_on();
}

TEST_CASE("somebody else's certificate without its key proves nothing") {
  World world;
  struct Impostor final : Signer {
    PublicKey claimed;
    std::shared_ptr<Signer> own = must(generate_key(KeyAlgorithm::ecdsa_p256));
    const PublicKey& public_key() const override { return claimed; }
    Result<Bytes> sign(ByteView message) const override { return own->sign(message); }
  };
  TransportIdentity stolen = world.client().credentials.identity;
  const auto impostor = std::make_shared<Impostor>();
  impostor->claimed = stolen.key->public_key();
  stolen.key = impostor;
  CHECK(world.handshake(stolen).status == 0);
  CHECK(world.log->refused_peers().size() == 1);
  world.honest_work_goes_on();
}

TEST_CASE("nobody comes in without a certificate") {
  World world;
  CHECK(world.handshake({}).status == 0);
  CHECK(world.log->refused_peers() == std::vector<std::string>{"it showed no certificate"});
  world.honest_work_goes_on();
}

TEST_CASE("a certificate with anything after its end is malformed") {
  World world;
  // The connecting side would refuse to load it itself: the damage comes after.
  auto own = world.certified(world.fields("agent/a-1"));
  const Bytes good = own.certificate_chain.front();
  own.certificate_chain.push_back(Bytes(good.begin(), good.end() - 1));
  const auto refusal = world.handshake(own);
  CHECK(refusal.status == 0);
  CHECK(refusal.code.starts_with("chain_"));
  world.honest_work_goes_on();
}

TEST_CASE("a chain that does not end does not tie the hub up") {
  World world;
  auto own = world.certified(world.fields("agent/a-1"));
  for (int i = 0; i < 12; ++i) own.certificate_chain.push_back(world.identity.ca_certificate);
  const auto refusal = world.handshake(own);
  CHECK(refusal.status == 0);
  world.honest_work_goes_on();
}

TEST_CASE("an agent that nobody enrolled gets no work, whoever certified it") {
  World world;
  auto& connection = world.connect(world.certified(world.fields("agent/a-unknown")));
  CHECK(world.refusal(connection, post("/v1/agent/lease", wire::encode(wire::fb::LeaseAskT()))) ==
        Refusal{403, "agent_unknown"});
  CHECK(world.refusal(connection, post("/v1/agent/heartbeat", wire::encode(wire::fb::HeartbeatT()))) ==
        Refusal{403, "agent_unknown"});
  world.honest_work_goes_on();
}

TEST_CASE("an agent's name under another key is another agent") {
  World world;
  const Node agent = world.agent();
  const std::string path = agent.credentials.name.substr(std::string("spiffe://attacked.pool/").size());
  auto& connection = world.connect(world.certified(world.fields(path)));
  CHECK(world.refusal(connection, post("/v1/agent/lease", wire::encode(wire::fb::LeaseAskT()))) == Refusal{403, "agent_key"});
  world.honest_work_goes_on();
}
