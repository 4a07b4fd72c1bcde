// What logs may never hold: private keys and tokens, in whatever form.
#include "../support/permitted.hpp"
#include "pool.hpp"
#include "search.hpp"

#include "crypto/keys.hpp"
#include "crypto/pem.hpp"
#include "identity/join_token.hpp"

#include <forgepool/audit_log.hpp>

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;

namespace {

/// The number that makes a key private, out of its PKCS#8.
std::string secret_of(const std::shared_ptr<Signer>& signer) {
  const auto pem = must(PrivateKey::of(signer)).to_pem();
  const Bytes der = must(from_pem("PRIVATE KEY", as_text(pem.view()))).front();
  // RFC 8410: an Ed25519 key ends with it. RFC 5915: in an EC key it follows the version, 1.
  if (signer->public_key().algorithm == KeyAlgorithm::ed25519) return std::string(der.end() - 32, der.end());
  constexpr std::uint8_t before[] = {0x02, 0x01, 0x01, 0x04, 0x20};
  const auto at = std::ranges::search(der, before);
  REQUIRE_FALSE(at.empty());
  return std::string(at.end(), at.end() + 32);
}

/// Everything in the bytes that is a token.
void collect_tokens(const Bytes& bytes, std::vector<std::string>& tokens) {
  constexpr std::string_view begin = "v4.public.";
  const std::string text = to_text(bytes);
  for (auto at = text.find(begin); at != text.npos; at = text.find(begin, at + 1))
    tokens.push_back(
        text.substr(at, text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", at) - at));
}

}  // namespace

TEST_CASE("no private key and no token reaches a log, whatever happens and however much is logged") {
  Pool pool;
  std::vector<std::string> lines;
  pool.log->next = make_audit_log(
      nullptr, [&](const std::string& line) { lines.push_back(line); }, [&pool] { return pool.loop.now(); });
  std::vector<std::string> secrets, tokens;
  const auto keep_keys = [&] {
    for (std::size_t i = 0; i < 3; ++i) {
      const HubIdentity& keys = must(open_hub_identity(pool.identity(i).store, pool.loop.now()));
      for (const auto& key : {keys.ca_key, keys.tls.key, keys.token_key, keys.log_key, keys.next_tls_key})
        secrets.push_back(secret_of(key));
    }
  };
  keep_keys();

  // Work, with everybody who can take part in it.
  std::vector<std::unique_ptr<Pool::Member>> agents;
  for (const auto organization : {Pool::own, Pool::aurora, Pool::aurora}) agents.push_back(pool.start_agent(organization));
  Invitation as_client;
  as_client.role = "client";
  const std::string join = pool.invite(Pool::aurora, as_client);
  const auto parsed = must(identity::parse_join_token(join));
  secrets.push_back(std::string(as_text(parsed.secret.view())));
  const auto alice = pool.enrol(join);
  CHECK_FALSE(pool.try_enrol(join));
  secrets.push_back(secret_of(alice.identity.key));
  auto client = pool.client(alice);
  const auto job = must(pool.call<JobStatus>([&](auto done) { client->submit(Pool::contract(8, "a-job", 2), done); })).id;
  CHECK(must(pool.call<JobStatus>([&](auto done) { client->wait(job, nullptr, done); })).state == JobState::done);
  must(pool.call<std::string>([&](auto done) { client->bundle(job, done); }));

  // Tokens and keys that are refused, revoked and replaced.
  const auto connection = pool.connect(alice);
  const auto through = [&](Request request) { return pool.exchange_bare(*connection, std::move(request)); };
  for (const bool once : {false, true}) tokens.push_back(token_for({"read", "a-job", {}, once}, through));
  for (const auto& agent : agents)
    for (const auto& message : *agent->received) collect_tokens(message, tokens);
  REQUIRE(tokens.size() > 8);
  for (const auto& token : tokens) {
    const Digest digest = sha256("nothing");
    CHECK(must(through({"GET", "/v1/agent/blob/" + digest.hex(), token, {}})).status == 403);
    CHECK(must(through({"GET", "/v1/jobs", token, {}})).status / 100 == 4);
  }
  auto& boss = pool.operator_of(Pool::aurora);
  must(pool.call<std::uint32_t>([&](auto done) { boss.revoke("token", tokens.front(), "a test", done); }));
  CHECK_FALSE(pool.call<std::uint32_t>([&](auto done) { boss.revoke("token", tokens.front(), "a test", done); }));
  CHECK_FALSE(pool.call<std::uint32_t>([&](auto done) { boss.revoke("agent", tokens.front(), "a test", done); }));
  for (const auto purpose : {KeyPurpose::token, KeyPurpose::hub, KeyPurpose::log, KeyPurpose::ca})
    must(pool.call<RotatedKey>([&](auto done) { boss.rotate_key(purpose, done); }));
  keep_keys();
  must(pool.call<std::uint32_t>([&](auto done) { boss.revoke("key", "token-1", "a test", done); }));
  must(pool.call<std::uint32_t>([&](auto done) { boss.revoke("agent", agents[1]->id(), "a test", done); }));
  pool.loop.advance(2h);
  for (const auto& agent : agents) secrets.push_back(secret_of(agent->credentials.identity.key));

  for (const auto* log : {&pool.log->lines, &agents[0]->log->lines, &agents[1]->log->lines, &agents[2]->log->lines})
    lines.insert(lines.end(), log->begin(), log->end());
  CHECK(lines.size() > 100);
  std::string all;
  for (const auto& line : lines) all += line + "\n";
  CHECK(all.find("PRIVATE KEY") == all.npos);
  CHECK(all.find("v4.public.") == all.npos);
  CHECK(all.find("fpj1.") == all.npos);
  for (const auto& secret : secrets) {
    CHECK_FALSE(contains_in_any_form(as_bytes(all), secret));
    CHECK_FALSE(contains_in_any_form(as_bytes(all), secret.substr(0, 16)));
  }
  for (const auto& token : tokens) {
    CHECK(all.find(token.substr(10, 40)) == all.npos);
    CHECK(all.find(token.substr(token.size() / 2, 40)) == all.npos);
  }
  // It would be found.
  CHECK(contains_in_any_form(as_bytes("x " + to_base64(as_bytes(secrets.front()))), secrets.front()));
}
