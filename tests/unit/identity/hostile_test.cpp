// Random edits of everything that a peer may send: never a crash, never accepted as something else.
#include "hostile.hpp"
#include "identity/dsse.hpp"
#include "identity/paseto.hpp"
#include "identity/receipt.hpp"
#include "identity/svid.hpp"
#include "identity/token.hpp"
#include "identity/verdict.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;
using namespace forgepool::identity;
using namespace std::chrono_literals;

namespace {
const Time now = *from_rfc3339("2026-01-31T08:15:00Z");
constexpr int rounds = 3000;
}  // namespace

TEST_CASE("mutated certificates and requests are refused") {
  const auto ca_key = *generate_key(KeyAlgorithm::ecdsa_p256), key = *generate_key(KeyAlgorithm::ecdsa_p256);
  const auto ca = *parse_certificate(*make_ca_certificate(*ca_key, {"CA", now - 1h, now + 1h, 0}));
  const auto leaf = *issue_svid(ca, *ca_key, key->public_key(), {"pool.example", NodeRole::agent, "a-1"}, now);
  test::for_each_mutation(to_text(leaf), rounds,
                          [&](const std::string& m) { return !verify_svid({to_bytes(m)}, ca, "pool.example", now); });
  test::for_each_mutation(to_text(*make_certificate_request(*key)), rounds,
                          [](const std::string& m) { return !parse_certificate_request(as_bytes(m)); });
  test::for_each_mutation(to_text(key->public_key().spki), rounds, [&](const std::string& m) {
    const auto parsed = parse_public_key(as_bytes(m));
    return !parsed || parsed->spki == to_bytes(m);
  });
  const auto pem = certificate_to_pem(leaf);
  test::for_each_mutation(pem, rounds, [&](const std::string& m) {
    const auto chain = certificate_chain_from_pem(m);
    return !chain || chain->size() != 1 || chain->front() == leaf || !verify_svid(*chain, ca, "pool.example", now);
  });
}

TEST_CASE("mutated tokens are refused") {
  const auto key = *generate_key(KeyAlgorithm::ed25519);
  const auto token = *sign_token(*key, "{\"a\":\"some claims\"}", "{\"kid\":\"abc\"}");
  test::for_each_mutation(token, rounds, [&](const std::string& m) { return !verify_token(m, key->public_key()); });
}

TEST_CASE("mutated envelopes do not open to another payload") {
  const auto key = *generate_key(KeyAlgorithm::ecdsa_p256);
  const auto envelope = *sign_envelope(in_toto_payload_type, as_bytes("{\"what\":\"was signed\"}"), *key);
  test::for_each_mutation(envelope, rounds, [&](const std::string& m) {
    const auto opened = open_envelope(m, in_toto_payload_type, key->public_key());
    return !opened || to_text(*opened) == "{\"what\":\"was signed\"}";
  });
}

TEST_CASE("whatever a statement reader accepts, it writes back the same") {
  Verdict verdict;
  verdict.verifier = "spiffe://pool.example/hub";
  verdict.verified_at = now;
  verdict.salt = Bytes(verdict_salt_bytes);
  verdict.shard.shard = {JobId("j"), 1};
  verdict.shard.decision = Decision::accepted;
  verdict.shard.evidence = {{{verdict.shard.shard, AgentId("a"), LeaseId("l"), Digest{}}, true}};
  test::for_each_mutation(*write_verdict(verdict), rounds, [](const std::string& m) {
    const auto read = parse_verdict(m);
    return !read || *write_verdict(*read) == m;
  });
  Receipt receipt;
  receipt.agent = "spiffe://pool.example/agent/a";
  receipt.job = "w";
  receipt.lease = LeaseId("l");
  receipt.sandbox = "linux";
  receipt.salt = Bytes(receipt_salt_bytes);
  receipt.shards.resize(1);
  receipt.shards[0].inputs = {{"x", Digest{}}};
  test::for_each_mutation(*write_receipt(receipt), rounds, [](const std::string& m) {
    const auto read = parse_receipt(m);
    return !read || *write_receipt(*read) == m;
  });
}
