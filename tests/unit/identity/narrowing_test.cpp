// Tokens from tokens: nothing is gained on the way.
#include "identity/narrowing.hpp"
#include "crypto/keys.hpp"
#include "crypto/reason.hpp"
#include "identity/key_id.hpp"

#include <catch2/catch_test_macros.hpp>

#include <random>

using namespace forgepool;
using namespace forgepool::identity;
using namespace std::chrono_literals;

namespace {

const Time now = *from_rfc3339("2026-01-31T08:15:00Z");
const std::vector<std::string> all_actions{"upload", "submit", "forecast", "read", "cancel", "list"};

TokenClaims authority() {
  return authority_of("spiffe://pool.example/hub", "pool.example", all_actions);
}

Narrowing wish(Time at = now) {
  Narrowing wish;
  wish.token_id = "t-1";
  wish.subject = "spiffe://pool.example/client/alice";
  wish.key_thumbprint = std::string(43, 'A');
  wish.now = at;
  wish.life = 5min;
  return wish;
}

std::string code(const Result<TokenClaims>& result) {
  return result ? "made" : std::string(reason_code(result.error()));
}

/// Few values, so that they meet.
struct Draw {
  std::mt19937 random;
  template <class T>
  T one_of(const std::vector<T>& values) {
    return values[random() % values.size()];
  }
  Narrowing narrowing() {
    Narrowing n = wish(now + std::chrono::seconds(random() % 200));
    n.life = std::chrono::seconds(1 + random() % 400);
    if (random() % 2) n.subject = n.key_thumbprint = "";
    if (random() % 4 == 0) n.subject = "spiffe://pool.example/client/mallory";
    n.project = one_of<std::string>({"", "", "apollo/", "gemini/"});
    n.job = one_of<std::string>({"", "", "j-1", "j-2"});
    if (random() % 3 == 0) n.blob = sha256(one_of<std::string>({"a", "b"}));
    n.once = random() % 4 == 0;
    if (random() % 8 == 0) n.lease = LeaseId("l-1"), n.shards = {1, 2}, n.adapter = sha256("adapter");
    for (const auto& action : all_actions)
      if (random() % 3 == 0) n.actions.push_back(action);
    if (random() % 16 == 0) n.actions.push_back("report");
    return n;
  }
};

}  // namespace

TEST_CASE("whatever is asked for, no token permits anything that the one it comes from does not, and none outlives it") {
  Draw draw{std::mt19937(1)};
  const std::vector<std::optional<Digest>> blobs{std::nullopt, sha256("a"), sha256("b")};
  std::size_t made = 0, refused = 0, permitted = 0;
  for (int round = 0; round < 1000; ++round) {
    TokenClaims parent = authority();
    for (int level = 0; level < 4; ++level) {
      const auto child = narrow(parent, draw.narrowing());
      if (!child) {
        ++refused;
        continue;
      }
      ++made;
      CHECK(child->expires_at <= parent.expires_at);
      CHECK(child->not_before >= parent.not_before);
      CHECK(child->expires_at - child->issued_at <= max_token_life);
      CHECK_FALSE(parent.once);
      if (!parent.subject.empty()) CHECK(child->subject == parent.subject);
      if (!parent.key_thumbprint.empty()) CHECK(child->key_thumbprint == parent.key_thumbprint);
      CHECK(child->issuer == parent.issuer);
      CHECK(child->audience == parent.audience);
      for (const std::string organization : {"pool.example", "other.example"})
        for (const std::string project : {"apollo/", "gemini/", ""})
          for (const std::string job : {"j-1", "j-2", ""})
            for (const auto& blob : blobs)
              for (const std::string action : {"upload", "submit", "forecast", "read", "cancel", "list", "report"}) {
                const TokenUse use{action, organization, project, job, blob};
                if (!permits(*child, use)) continue;
                ++permitted;
                if (!permits(parent, use)) FAIL("a token permits " << action << " of " << job << ", and its parent does not");
              }
      parent = *child;
    }
  }
  CHECK(made > 500);
  CHECK(refused > 500);
  CHECK(permitted > 1000);
}

TEST_CASE("a token is narrowed level by level, and each refusal says why") {
  const auto with = [](auto change) {
    auto one = wish();
    change(one);
    return one;
  };
  const auto project = narrow(authority(), with([](auto& w) { w.project = "apollo/"; }));
  REQUIRE(project);
  CHECK(code(narrow(*project, with([](auto& w) { w.project = "gemini/"; }))) == "token_widened");
  const auto job = narrow(*project, with([](auto& w) { w.job = "j-1", w.actions = {"read", "cancel"}; }));
  REQUIRE(job);
  CHECK(job->project == "apollo/");
  CHECK(code(narrow(*job, with([](auto& w) { w.job = "j-2"; }))) == "token_widened");
  CHECK(code(narrow(*job, with([](auto& w) { w.actions = {"read", "submit"}; }))) == "token_widened");
  CHECK(code(narrow(*job, with([](auto& w) { w.key_thumbprint = std::string(43, 'B'); }))) == "token_widened");
  CHECK(code(narrow(*job, with([](auto& w) { w.now = now + 5min; }))) == "token_expired");
  const auto once = narrow(*job, with([](auto& w) { w.once = true, w.actions = {"cancel"}, w.now = now + 4min; }));
  REQUIRE(once);
  CHECK(once->expires_at == now + 5min);
  CHECK(code(narrow(*once, with([](auto& w) { w.now = now + 4min; }))) == "token_widened");
}

TEST_CASE("tokens of every level are minted, and read as they were") {
  const auto key = *generate_key(KeyAlgorithm::ed25519);
  const TokenExpectation expected{"spiffe://pool.example/hub", "spiffe://pool.example/hub", std::string(43, 'A'), "read", now};
  auto claims = authority();
  // What nobody holds and never ends is no token.
  CHECK_FALSE(mint_token(*key, claims));
  for (auto change : {+[](Narrowing&) {}, +[](Narrowing& w) { w.project = "apollo/"; }, +[](Narrowing& w) { w.job = "j-1"; },
                      +[](Narrowing& w) { w.blob = sha256("an input"); }, +[](Narrowing& w) { w.once = true; }}) {
    auto one = wish();
    change(one);
    auto narrower = narrow(claims, one);
    REQUIRE(narrower);
    claims = *narrower;
    const auto token = mint_token(*key, claims);
    REQUIRE(token);
    CHECK(check_token(*token, {key->public_key()}, expected) == claims);
  }
}
