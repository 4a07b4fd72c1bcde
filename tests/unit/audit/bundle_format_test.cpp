#include "../../support/json_variants.hpp"
#include "wire/bundle.hpp"
#include "wire/json.hpp"

#include <catch2/catch_test_macros.hpp>

#include <random>

namespace forgepool::wire {
namespace {

Digest digest_of(std::uint8_t fill) {
  Digest digest;
  digest.bytes.fill(fill);
  return digest;
}

Bundle sample() {
  Bundle bundle;
  bundle.job = JobId("job-1");
  bundle.contract = R"({"args":{},"op":{"name":"x"}})";
  bundle.plan = R"({"shards":[]})";
  bundle.adapter = to_bytes("package");
  bundle.events = {{"plan", Bytes(32, 7), R"({"plan":"…"})", {3, {digest_of(1), digest_of(2)}}}};
  bundle.receipts = {{R"({"payload":""})", {to_bytes("leaf"), to_bytes("ca")}, {4, {}}}};
  bundle.verdicts = {{R"({"payload":""})", {}, {5, {digest_of(3)}}}};
  bundle.result = R"({"mean":1.5})";
  bundle.outputs = {{0, to_bytes("zero")}, {2, {}}, {10, to_bytes("ten")}};
  bundle.checkpoint = "pool.example\n6\nAAAA\n\n— pool.example sig\n";
  return bundle;
}

std::string sample_document() {
  return write_bundle(sample(), to_bytes("signature"));
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

void refuses(const std::string& document, std::string_view fragment) {
  const auto read = read_bundle(document);
  REQUIRE_FALSE(read);
  INFO(read.error().message);
  CHECK(read.error().message.starts_with("not a bundle: "));
  CHECK(read.error().message.find(fragment) != std::string::npos);
}

}  // namespace

TEST_CASE("a bundle reads back as it was written") {
  const Bundle bundle = sample();
  const std::string document = sample_document();
  const auto read = read_bundle(document);
  REQUIRE(read);
  CHECK(read->bundle.job == bundle.job);
  CHECK(read->bundle.contract == bundle.contract);
  CHECK(read->bundle.adapter == bundle.adapter);
  REQUIRE(read->bundle.events.size() == 1);
  CHECK(read->bundle.events[0].kind == "plan");
  CHECK(read->bundle.events[0].position.index == 3);
  CHECK(read->bundle.events[0].position.path == bundle.events[0].position.path);
  REQUIRE(read->bundle.receipts.size() == 1);
  CHECK(read->bundle.receipts[0].chain == bundle.receipts[0].chain);
  CHECK(read->bundle.outputs == bundle.outputs);
  CHECK(read->bundle.result == bundle.result);
  CHECK(read->signature == to_bytes("signature"));
  CHECK(read->body == sha256(bundle_body(bundle)));
}

TEST_CASE("what is signed is the document without its signature and last newline") {
  CHECK(replaced(sample_document(), R"(,"signature":")" + to_base64(to_bytes("signature")) + "\"", "") ==
        bundle_body(sample()) + "\n");
}

TEST_CASE("what is signed is found however much of the document looks like a signature") {
  Bundle bundle = sample();
  const Bytes signature = to_bytes("signature");
  const std::string member = R"(,"signature":")" + to_base64(signature) + "\"";
  bundle.contract = member;
  bundle.events[0].content = member + R"(,"verdicts":[])";
  bundle.verdicts[0].envelope = member;
  bundle.checkpoint = "\"" + member;
  const auto read = read_bundle(write_bundle(bundle, signature));
  REQUIRE(read);
  CHECK(read->body == sha256(bundle_body(bundle)));
  CHECK(read->signature == signature);
}

TEST_CASE("result and outputs are absent, not empty, when a bundle does not include them") {
  Bundle bundle = sample();
  bundle.result.reset();
  bundle.outputs.reset();
  const auto read = read_bundle(write_bundle(bundle, {}));
  REQUIRE(read);
  CHECK_FALSE(read->bundle.result);
  CHECK_FALSE(read->bundle.outputs);
}

TEST_CASE("a bundle in any other form than the written one is refused") {
  const std::string document = sample_document();
  refuses(document.substr(0, document.size() - 1), "newline");
  refuses(document + "\n", "newline");
  refuses("\xef\xbb\xbf" + document, "malformed JSON");
  refuses(replaced(document, "{\"adapter\"", "{ \"adapter\""), "canonical");
  refuses(replaced(document, "\"index\":3", "\"index\":3.0"), "canonical");
  refuses(replaced(document, "\"index\":3", "\"index\":-3"), "/events/0/position/index");
  refuses(replaced(document, "\"index\":3", "\"index\":9007199254740993"), "/events/0/position/index");
  refuses(replaced(document, "\"kind\":\"plan\"", "\"kind\":\"plan\",\"more\":1"), "/events/0/more: unknown key");
  refuses(replaced(document, "\"job\":\"job-1\"", "\"job\":\"job-1\",\"job\":\"job-1\""), "twice");
  refuses(replaced(document, "\"job\":\"job-1\"", "\"job\":\".job\""), "/job");
  refuses(replaced(document, "version=1", "version=2"), "/mediaType");
  refuses(replaced(document, "\"10\":", "\"010\":"), "/outputs/010");
  refuses(replaced(document, "\"10\":", "\"4294967296\":"), "/outputs/4294967296");
  refuses(replaced(document, "\"10\":", "\"-1\":"), "/outputs/-1");
  refuses(replaced(document, to_base64(Bytes(32, 7)), to_base64(Bytes(31, 7))), "/events/0/salt");
  refuses(replaced(document, to_base64(digest_of(2).bytes), "AgI="), "/events/0/position/path/1");
  refuses(replaced(document, to_base64(to_bytes("ca")), ""), "/receipts/0/chain/1");
  refuses(replaced(document, to_base64(to_bytes("ca")), "Y2F="), "/receipts/0/chain/1");  // Trailing bits: a second spelling.
}

TEST_CASE("a bundle has one spelling: anything added, left out, repeated, reordered or respelt is refused or another bundle") {
  const auto document = *json::parse(sample_document(), 1 << 20);
  int accepted = 0, all = 0;
  for (const auto& [what, changed] : test::json_variants(document)) {
    const auto read = read_bundle(changed + "\n");
    ++all;
    if (!read) continue;
    ++accepted;
    if (write_bundle(read->bundle, read->signature) != changed + "\n") FAIL_CHECK(what << " makes no difference");
    if (read->body != sha256(bundle_body(read->bundle))) FAIL_CHECK(what << " leads to the digest of something else");
  }
  CHECK(accepted > 0);
  CHECK(accepted < all / 5);
}

TEST_CASE("of several mistakes in a bundle with long lists, the first that a reader from the start would meet is told") {
  Bundle bundle = sample();
  bundle.receipts.assign(1200, {std::string(1000, 'r'), {}, {4, {digest_of(1)}}});
  bundle.verdicts.assign(1200, {std::string(1000, 'v'), {}, {5, {digest_of(3)}}});
  for (std::size_t i = 0; i < 1200; ++i) bundle.receipts[i].position.index = bundle.verdicts[i].position.index = 1000 + i;
  const std::string document = write_bundle(bundle, {});
  REQUIRE(read_bundle(document));
  const auto spoilt = [&](const std::string& text, std::string_view list, std::size_t number, const std::string& instead) {
    const std::string index = "\"index\":" + std::to_string(1000 + number);
    const auto at = text.find(index, text.find("\"" + std::string(list) + "\":["));
    REQUIRE(at != std::string::npos);
    return std::string(text).replace(at, index.size(), "\"index\":" + instead);
  };
  const auto one = spoilt(document, "verdicts", 1100, "-1"), two = spoilt(one, "verdicts", 7, "-7");
  const auto three = spoilt(two, "receipts", 1199, "\"\"");
  refuses(one, "/verdicts/1100/position/index: expected an integer");
  refuses(two, "/verdicts/7/position/index: expected an integer");
  refuses(three, "/receipts/1199/position/index: expected an integer");
  refuses(spoilt(three, "verdicts", 1150, "01"), "/verdicts/1150/position: malformed JSON");
  refuses(spoilt(document, "receipts", 600, "6e2"), "canonical");
}

TEST_CASE("a bundle of too many values is refused before it costs memory") {
  refuses("[" + std::string(16'000'000, ',') + "}\n", "more than 16000000 JSON values");
  const std::string quoted = "{\"a\":\"" + std::string(17'000'000, '[') + "\"}\n";  // Brackets in a string are no values.
  refuses(quoted, "/a: unknown key");
}

TEST_CASE("a bundle cut off or damaged anywhere is refused or is what it says, and never crashes the reader") {
  const std::string document = sample_document();
  for (std::size_t size = 0; size < document.size(); ++size)
    CHECK_FALSE(read_bundle(std::string_view(document).substr(0, size)));
  const unsigned seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = document;
    for (unsigned edits = 1 + random() % 4; edits > 0; --edits) {
      const std::size_t at = random() % damaged.size();
      switch (random() % 3) {
        case 0: damaged[at] = static_cast<char>(random()); break;
        case 1: damaged.erase(at, 1 + random() % 8); break;
        default: damaged.insert(at, damaged.substr(random() % damaged.size(), random() % 16)); break;
      }
      if (damaged.empty()) damaged = "{";
    }
    if (const auto read = read_bundle(damaged)) CHECK(write_bundle(read->bundle, read->signature) == damaged);
  }
}

TEST_CASE("an event's leaf shows a commitment and nothing else") {
  const Digest commitment = sha256(std::string(32, '\7') + "content");
  CHECK(as_text(event_leaf("plan", Bytes(32, 7), "content")) ==
        R"({"commitment":")" + commitment.str() + R"(","kind":"plan","v":1})");
}

TEST_CASE("a statement's leaf is a Rekor v2 hashedrekord entry") {
  CHECK(as_text(statement_leaf(digest_of(1), to_bytes("sig"), to_bytes("key"))) ==
        R"({"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256","digest":")"
        R"(AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="},"signature":{"content":"c2ln","verifier":)"
        R"({"keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{"rawBytes":"a2V5"}}}}}})");
}

TEST_CASE("a trusted root reads back, also with white space, and nothing may be added or missing") {
  const TrustedRoot root{"pool.example", to_bytes("ca"), to_bytes("hub"), "pool.example+01020304+AQID"};
  const std::string document = write_trusted_root(root);
  const auto read = read_trusted_root(document);
  REQUIRE(read);
  CHECK(read->trust_domain == root.trust_domain);
  CHECK(read->ca_certificate == root.ca_certificate);
  CHECK(read->hub_spki == root.hub_spki);
  CHECK(read->log_vkey == root.log_vkey);
  CHECK(read_trusted_root(replaced(document, ",", ",\n  ")));
  for (const auto& [from, to] : {std::pair<std::string, std::string>{"{", "{\"extra\":1,"},
                                 {"\"hubKey\"", "\"hubkey\""},
                                 {"version=1", "version=9"},
                                 {"\"trustDomain\":\"pool.example\"", "\"trustDomain\":\"\""},
                                 {"\"Y2E=\"", "\"Y2E\""}}) {
    const auto refused = read_trusted_root(replaced(document, from, to));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.starts_with("not a trusted root: "));
  }
  CHECK_FALSE(read_trusted_root(document.substr(0, document.size() - 2)));
}

}  // namespace forgepool::wire
