#include "identity/svid.hpp"
#include "crypto/reason.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace forgepool;
using namespace forgepool::identity;
using namespace std::chrono_literals;

namespace {

const Time now = *from_rfc3339("2026-01-31T08:15:00Z");
const std::string domain = "pool.example";

struct Pool {
  std::shared_ptr<Signer> ca_key = *generate_key(KeyAlgorithm::ecdsa_p256);
  std::shared_ptr<Signer> key = *generate_key(KeyAlgorithm::ecdsa_p256);
  Certificate ca = *parse_certificate(*make_ca_certificate(*ca_key, {"CA", now - 1h, now + 24h * 365, 0}));

  std::vector<Bytes> chain(const SpiffeId& id, const SvidOptions& options = {}) const {
    return {*issue_svid(ca, *ca_key, key->public_key(), id, now, options)};
  }
  std::vector<Bytes> chain(const CertificateFields& fields) const {
    return {*make_certificate(ca, *ca_key, key->public_key(), fields)};
  }
};

const SpiffeId hub{domain, NodeRole::hub, ""}, agent{domain, NodeRole::agent, "a-1"}, client{domain, NodeRole::client, "alice"},
    owner{domain, NodeRole::operator_, ""};

/// An SVID's fields, to be spoiled.
CertificateFields good_fields() {
  CertificateFields fields;
  fields.not_before = now - 5min;
  fields.not_after = now + 1h;
  fields.key_usage = key_usage::digital_signature;
  fields.extended_key_usage = {std::string(eku_server_auth), std::string(eku_client_auth)};
  fields.uri_names = {agent.uri()};
  return fields;
}

template <class T>
std::string code_of(const Result<T>& result) {
  if (result) return "accepted";
  CHECK(result.error().kind == ErrorKind::unauthenticated);
  return std::string(reason_code(result.error()));
}

}  // namespace

TEST_CASE("SPIFFE ids are read and written in exactly four forms") {
  for (const auto& id : {hub, agent, client, owner}) {
    CHECK(parse_spiffe_id(id.uri()) == id);
    CHECK(spiffe_id_from_path(id.trust_domain, id.path()) == id);
  }
  CHECK(agent.uri() == "spiffe://pool.example/agent/a-1");
  for (const char* bad : {"",
                          "spiffe://",
                          "spiffe://pool.example",
                          "spiffe://pool.example/",
                          "spiffe://pool.example/hub/",
                          "spiffe://pool.example/hub/x",
                          "spiffe://pool.example/agent",
                          "spiffe://pool.example/agent/",
                          "spiffe://pool.example/agent/a/b",
                          "spiffe://pool.example/agent/..",
                          "spiffe://pool.example/agent/a%2f",
                          "spiffe://pool.example/root",
                          "SPIFFE://pool.example/hub",
                          "https://pool.example/hub",
                          "spiffe://Pool.example/hub",
                          "spiffe://pool_example/hub",
                          "spiffe://.pool/hub",
                          "spiffe://pool-/hub",
                          "spiffe:///hub",
                          "spiffe://pool.example:1/hub",
                          "spiffe://user@pool/hub",
                          "spiffe://pool.example/hub?x",
                          "spiffe://pool.example/hub#x"})
    CHECK_FALSE(parse_spiffe_id(bad));
  CHECK_FALSE(is_valid_trust_domain(std::string(256, 'a')));
}

TEST_CASE("every kind of node is recognised by the certificate the pool issued") {
  const Pool pool;
  for (const auto& id : {hub, agent, client, owner}) {
    const auto svid = verify_svid(pool.chain(id), pool.ca, domain, now);
    REQUIRE(svid);
    CHECK(svid->id == id);
    CHECK(svid->pin() == pool.key->public_key().pin());
    CHECK(svid->expires_at() == now + 1h);
  }
}

TEST_CASE("a request decides the key of a certificate and nothing else") {
  const Pool pool;
  const auto key = *generate_key(KeyAlgorithm::ecdsa_p256);
  const auto request = *make_certificate_request(*key, "spiffe://pool.example/operator");
  const auto der = issue_svid_for_request(pool.ca, *pool.ca_key, request, agent, now);
  REQUIRE(der);
  const auto svid = verify_svid({*der}, pool.ca, domain, now);
  REQUIRE(svid);
  CHECK(svid->id == agent);
  CHECK(svid->certificate.key == key->public_key());
  CHECK(svid->certificate.fields.common_name.empty());
}

TEST_CASE("keys and names outside the profile get no certificate") {
  const Pool pool;
  const auto ed25519 = *generate_key(KeyAlgorithm::ed25519);
  CHECK_FALSE(issue_svid(pool.ca, *pool.ca_key, ed25519->public_key(), agent, now));
  CHECK_FALSE(issue_svid_for_request(pool.ca, *pool.ca_key, *make_certificate_request(*ed25519), agent, now));
  CHECK_FALSE(issue_svid(pool.ca, *pool.ca_key, pool.key->public_key(), {domain, NodeRole::agent, ""}, now));
  CHECK_FALSE(issue_svid(pool.ca, *pool.ca_key, pool.key->public_key(), {domain, NodeRole::agent, "../hub"}, now));
  CHECK_FALSE(issue_svid(pool.ca, *pool.ca_key, pool.key->public_key(), {"Bad Domain", NodeRole::hub, ""}, now));
  CHECK_FALSE(issue_svid(pool.ca, *pool.ca_key, pool.key->public_key(), {domain, NodeRole::hub, "x"}, now));
  SvidOptions with_names;
  with_names.dns_names = {"hub.example.org"};
  CHECK_FALSE(issue_svid(pool.ca, *pool.ca_key, pool.key->public_key(), agent, now, with_names));
  CHECK(issue_svid(pool.ca, *pool.ca_key, pool.key->public_key(), hub, now, with_names));
}

TEST_CASE("each deviation from the profile is refused with its own code") {
  const Pool pool;
  const auto code_with = [&](auto spoil) {
    auto fields = good_fields();
    spoil(fields);
    return code_of(verify_svid(pool.chain(fields), pool.ca, domain, now));
  };
  CHECK(code_with([](auto&) {}) == "accepted");
  CHECK(code_with([](auto& f) { f.uri_names.push_back("spiffe://pool.example/hub"); }) == "svid_names");
  CHECK(code_with([](auto& f) { f.uri_names.push_back(f.uri_names[0]); }) == "svid_names");
  CHECK(code_with([](auto& f) { f.uri_names.clear(); }) == "svid_names");
  CHECK(code_with([](auto& f) { f.uri_names.clear(), f.dns_names = {"spiffe.example"}; }) == "svid_names");
  CHECK(code_with([](auto& f) { f.dns_names = {"localhost"}; }) == "svid_names");
  CHECK(code_with([](auto& f) { f.uri_names = {"https://pool.example/agent/a-1"}; }) == "svid_id");
  CHECK(code_with([](auto& f) { f.uri_names = {"spiffe://pool.example/admin"}; }) == "svid_id");
  CHECK(code_with([](auto& f) { f.uri_names = {"spiffe://other.example/agent/a-1"}; }) == "svid_trust_domain");
  CHECK(code_with([](auto& f) { f.is_ca = true; }) == "svid_ca");
  CHECK(code_with([](auto& f) { f.key_usage = 0; }) == "svid_key_usage");
  CHECK(code_with([](auto& f) { f.key_usage |= key_usage::key_cert_sign; }) == "svid_key_usage");
  CHECK(code_with([](auto& f) { f.extended_key_usage.clear(); }) == "svid_extended_key_usage");
  CHECK(code_with([](auto& f) { f.extended_key_usage.pop_back(); }) == "svid_extended_key_usage");
  CHECK(code_with([](auto& f) { f.extended_key_usage[0] = f.extended_key_usage[1]; }) == "svid_extended_key_usage");
  CHECK(code_with([](auto& f) { f.extended_key_usage.push_back("2.5.29.37.0"); }) == "svid_extended_key_usage");
  CHECK(code_with([](auto& f) { f.not_after = now - 1s; }) == "certificate_expired");
  CHECK(code_with([](auto& f) { f.not_before = now + 1s; }) == "certificate_not_yet_valid");
}

TEST_CASE("a certificate for another kind of key is refused") {
  const Pool pool;
  const auto key = *generate_key(KeyAlgorithm::ed25519);
  const auto der = *make_certificate(pool.ca, *pool.ca_key, key->public_key(), good_fields());
  CHECK(code_of(verify_svid({der}, pool.ca, domain, now)) == "svid_key_type");
}

TEST_CASE("certificates of another pool or of a CA below ours are refused") {
  const Pool pool, other;
  CHECK(code_of(verify_svid(other.chain(agent), pool.ca, domain, now)) == "chain_issuer");
  Certificate impostor = pool.ca;
  impostor.key = other.ca.key;
  const auto forged = *issue_svid(impostor, *other.ca_key, pool.key->public_key(), agent, now);
  CHECK(code_of(verify_svid({forged}, pool.ca, domain, now)) == "chain_signature");

  const auto root_key = *generate_key(KeyAlgorithm::ecdsa_p256), middle_key = *generate_key(KeyAlgorithm::ecdsa_p256);
  const auto root = *parse_certificate(*make_ca_certificate(*root_key, {"root", now - 1h, now + 1h, 1}));
  CertificateFields fields;
  fields.common_name = "middle";
  fields.not_before = now - 1h;
  fields.not_after = now + 1h;
  fields.is_ca = true;
  fields.key_usage = key_usage::key_cert_sign;
  const auto middle = *parse_certificate(*make_certificate(root, *root_key, middle_key->public_key(), fields));
  const auto leaf = *issue_svid(middle, *middle_key, pool.key->public_key(), agent, now);
  CHECK(code_of(verify_svid({leaf, middle.der}, root, domain, now)) == "chain_intermediate");
}

TEST_CASE("an agent accepts its pinned hub and nobody else") {
  const Pool pool, other;
  const Digest pin = pool.key->public_key().pin();
  const auto check = check_hub({{pool.ca, std::string(domain)}}, {other.key->public_key().pin(), pin});
  CHECK(check(pool.chain(hub), now) == hub.uri());
  CHECK(code_of(check(pool.chain(agent), now)) == "svid_role");
  CHECK(code_of(check(pool.chain(owner), now)) == "svid_role");
  CHECK(code_of(check(other.chain(hub), now)) == "chain_issuer");
  CHECK(code_of(check(pool.chain(SpiffeId{"other.example", NodeRole::hub, ""}), now)) == "svid_trust_domain");
  CHECK(code_of(check(pool.chain(hub), now + 2h)) == "certificate_expired");
  CHECK(code_of(check({}, now)) == "chain_length");
  CHECK(code_of(check_hub({{pool.ca, std::string(domain)}}, {other.key->public_key().pin()})(pool.chain(hub), now)) ==
        "pin_mismatch");
}

TEST_CASE("before the CA is known, only the pinned key with a hub's certificate in force is accepted") {
  const Pool pool, other;
  const auto check = check_hub_by_pin(pool.key->public_key().pin());
  CHECK(check(pool.chain(hub), now) == hub.uri());
  CHECK(code_of(check(other.chain(hub), now)) == "pin_mismatch");
  CHECK(code_of(check(pool.chain(agent), now)) == "svid_role");
  CHECK(code_of(check(pool.chain(hub), now + 2h)) == "certificate_expired");
  CHECK(code_of(check(pool.chain(hub), now - 1h)) == "certificate_not_yet_valid");
  CHECK(code_of(check({Bytes{1}}, now)) == "chain_malformed");
  CHECK(code_of(check({}, now)) == "chain_length");
}

TEST_CASE("a hub accepts agents, clients and operators of the trust domains it knows until they are on the deny-list") {
  const Pool pool;
  bool denied = false;
  const auto issuers = [&](std::string_view asked) -> Result<std::vector<Issuer>> {
    if (asked != domain) return refuse(ErrorKind::unauthenticated, "svid_trust_domain", "no such trust domain here");
    return std::vector<Issuer>{{pool.ca, std::string(domain)}};
  };
  const auto check = check_member(issuers, [&](const Svid& svid) -> Status {
    if (denied && svid.id == agent) return refuse(ErrorKind::unauthenticated, "agent_revoked", "it was revoked");
    return {};
  });
  for (const auto& id : {agent, client, owner}) CHECK(check(pool.chain(id), now) == id.uri());
  CHECK(code_of(check(pool.chain(hub), now)) == "svid_role");
  denied = true;
  CHECK(code_of(check(pool.chain(agent), now)) == "agent_revoked");
  CHECK(check(pool.chain(client), now));
  CHECK(check_member(issuers, nullptr)(pool.chain(agent), now));
  CHECK(code_of(check(pool.chain(SpiffeId{"other.example", NodeRole::agent, "a-1"}), now)) == "svid_trust_domain");
  CHECK(code_of(check(Pool().chain(client), now)) == "chain_issuer");
  CHECK(code_of(check({}, now)) == "chain_length");
}

TEST_CASE("openssl verify -x509_strict accepts every kind of node's certificate") {
  if (std::system("openssl version >/dev/null 2>&1") != 0) SKIP("no openssl program");
  const Pool pool;
  std::string pattern = std::filesystem::temp_directory_path() / "forgepool-svid-XXXXXX";
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  std::ofstream(folder / "ca.pem") << certificate_to_pem(pool.ca.der);
  for (const auto& id : {hub, agent, client, owner}) {
    std::ofstream(folder / "leaf.pem") << certificate_to_pem(pool.chain(id).front());
    for (const char* purpose : {"sslserver", "sslclient"})
      CHECK(std::system(("cd " + folder.string() + " && openssl verify -x509_strict -attime " +
                         std::to_string(unix_seconds(now)) + " -purpose " + purpose + " -CAfile ca.pem leaf.pem >/dev/null")
                            .c_str()) == 0);
  }
  std::filesystem::remove_all(folder);
}
