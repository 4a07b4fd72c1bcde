/// Every byte of a bundle matters, and no bytes make the auditor misbehave.
#include "story.hpp"

#include "identity/dsse.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdio>
#include <random>

namespace forgepool {
namespace {

using testing::Story;

unsigned print_seed() {
  const unsigned seed = std::random_device()();
  std::printf("seed %u\n", seed);
  return seed;
}

char flipped(char c, unsigned bit) {
  return static_cast<char>(static_cast<unsigned char>(c) ^ (1u << bit));
}

/// The same but for the key ids of its envelopes, which are hints for finding a key and nothing that anybody relies on.
wire::Bundle without_hints(wire::Bundle bundle) {
  for (auto* statements : {&bundle.receipts, &bundle.verdicts})
    for (auto& statement : *statements)
      if (auto envelope = identity::parse_envelope(statement.envelope))
        statement.envelope = envelope->payload_type + to_base64(envelope->payload) +
                             (envelope->signatures.empty() ? "" : to_base64(envelope->signatures[0].signature));
  return bundle;
}

}  // namespace

TEST_CASE("a flipped bit anywhere in a bundle is found") {
  Story story;
  story.tell();
  const std::string document = story.document(), root = story.root();
  REQUIRE(verify_bundle(document, root));
  std::mt19937 random(print_seed());
  for (int round = 0; round < 5000; ++round) {
    const std::size_t at = random() % document.size();
    const auto bit = static_cast<unsigned>(random() % 8);
    std::string damaged = document;
    damaged[at] = flipped(damaged[at], bit);
    if (verify_bundle(damaged, root)) FAIL_CHECK("bit " << bit << " of byte " << at << " does not matter");
  }
}

TEST_CASE("a flipped bit is found though the hub signs the document again") {
  Story story;
  story.tell();
  const std::string document = story.document(), root = story.root();
  const std::string told = wire::bundle_body(without_hints(story.bundle()));
  std::mt19937 random(print_seed());
  int signed_again = 0;
  for (int round = 0; round < 1500; ++round) {
    const std::size_t at = random() % document.size();
    std::string damaged = document;
    damaged[at] = flipped(damaged[at], static_cast<unsigned>(random() % 8));
    const auto read = wire::read_bundle(damaged);
    if (!read || wire::bundle_body(without_hints(read->bundle)) == told) continue;
    ++signed_again;
    if (verify_bundle(story.sign(read->bundle), root))
      FAIL_CHECK("byte " << at << " does not matter: " << document.substr(at < 40 ? 0 : at - 40, 80));
  }
  CHECK(signed_again > 300);
}

TEST_CASE("the auditor takes any bytes") {
  Story story;
  story.tell();
  const std::string document = story.document(), root = story.root();
  std::mt19937 random(print_seed());
  for (int round = 0; round < 1500; ++round) {
    std::string damaged = document;
    for (auto edits = 1 + random() % 3; edits > 0 && !damaged.empty(); --edits) {
      const std::size_t at = random() % damaged.size();
      switch (random() % 4) {
        case 0: damaged.erase(at, 1 + random() % 1000); break;
        case 1: damaged.insert(at, damaged.substr(random() % damaged.size(), random() % 1000)); break;
        case 2: damaged[at] = static_cast<char>(random()); break;
        default: damaged.resize(at); break;
      }
    }
    if (damaged == document) continue;
    if (verify_bundle(damaged, root)) FAIL_CHECK("accepted after round " << round);
    if (verify_bundle(document, damaged)) FAIL_CHECK("took a bundle for a root");
  }
  for (std::size_t size = 0; size < root.size() - 1; ++size)
    if (verify_bundle(document, root.substr(0, size))) FAIL_CHECK("took half a root");
}

TEST_CASE("a hostile hub's statements and events are parsed with care") {
  Story story;
  story.tell();
  const std::string root = story.root();
  const wire::Bundle told = story.bundle();
  std::mt19937 random(print_seed());
  const auto mutate = [&](std::string& text) {
    const std::size_t at = random() % text.size();
    if (random() % 2)
      text[at] = static_cast<char>(0x20 + random() % 0x5f);
    else
      text.insert(at, std::string(1 + random() % 4, "{[\",9-"[random() % 6]));
  };
  for (int round = 0; round < 500; ++round) {
    wire::Bundle bundle = told;
    switch (random() % 6) {
      case 0: mutate(bundle.receipts[random() % bundle.receipts.size()].envelope); break;
      case 1: mutate(bundle.verdicts[random() % bundle.verdicts.size()].envelope); break;
      case 2: mutate(bundle.events[random() % bundle.events.size()].content); break;
      case 3: mutate(bundle.plan); break;
      case 4: mutate(bundle.contract); break;
      default: {
        auto& certificate = bundle.receipts[random() % bundle.receipts.size()].chain[random() % 2];
        certificate[random() % certificate.size()] ^= static_cast<std::uint8_t>(1 + random() % 255);
      }
    }
    if (wire::bundle_body(without_hints(bundle)) == wire::bundle_body(without_hints(told))) continue;
    if (verify_bundle(story.sign(bundle), root)) FAIL_CHECK("accepted after round " << round);
  }
}

}  // namespace forgepool
