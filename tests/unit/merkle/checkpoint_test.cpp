#include "crypto/signed_note.hpp"

#include <catch2/catch_test_macros.hpp>

#include <random>

using namespace forgepool;

namespace {

struct Log {
  std::string origin = "pool.example/org-1";
  std::shared_ptr<Signer> key = *generate_key(KeyAlgorithm::ed25519);
  VerifierKey verifier{origin, key->public_key()};

  /// Whether a note over this text, correctly signed, is taken for a checkpoint.
  Result<LedgerHead> read(const std::string& text) const {
    const auto note = sign_note(text, origin, *key);
    REQUIRE(note);
    return verify_checkpoint(*note, verifier);
  }
};

const std::string root64 = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

}  // namespace

TEST_CASE("a checkpoint says what was signed") {
  const Log log;
  const Digest root = sha256("root");
  for (const std::uint64_t size : {std::uint64_t{1}, std::uint64_t{20852163}, std::uint64_t{INT64_MAX}}) {
    const auto note = sign_checkpoint(log.origin, {size, root}, *log.key);
    REQUIRE(note);
    CHECK(note->starts_with(log.origin + "\n" + std::to_string(size) + "\n" + to_base64(root.bytes) + "\n\n\xe2\x80\x94 " +
                            log.origin + " "));
    const auto head = verify_checkpoint(*note, log.verifier);
    REQUIRE(head);
    CHECK(head->size == size);
    CHECK(head->root == root);
  }
}

TEST_CASE("the empty log has a checkpoint too") {
  const Log log;
  const auto note = sign_checkpoint(log.origin, {0, merkle_root({})}, *log.key);
  REQUIRE(note);
  CHECK(verify_checkpoint(*note, log.verifier)->size == 0);
  CHECK_FALSE(log.read(log.origin + "\n0\n" + root64 + "\n"));  // Nothing but the empty root will do.
}

TEST_CASE("extension lines are allowed and opaque") {
  const Log log;
  const auto head = log.read(log.origin + "\n20852163\n" + root64 + "\nextension 1\nextension 2\n");
  REQUIRE(head);
  CHECK(head->size == 20852163);
  CHECK_FALSE(log.read(log.origin + "\n1\n" + root64 + "\n\nextension after an empty line\n"));
}

TEST_CASE("a checkpoint of another log or by another key is refused") {
  const Log log, other{.origin = "pool.example/org-2"};
  const auto note = *sign_checkpoint(log.origin, {1, sha256("root")}, *log.key);
  CHECK(verify_checkpoint(note, other.verifier).error().kind == ErrorKind::corrupt);
  CHECK(verify_checkpoint(note, {log.origin, other.key->public_key()}).error().kind == ErrorKind::corrupt);
  // Signed with our key, but about somebody else's log.
  CHECK(log.read("pool.example/org-2\n1\n" + root64 + "\n").error().kind == ErrorKind::corrupt);
}

TEST_CASE("malformed checkpoints are refused even when correctly signed") {
  const Log log;
  const std::string start = log.origin + "\n";
  CHECK(log.read(start + "1\n" + root64 + "\n"));
  for (const std::string& bad : std::initializer_list<std::string>{"\n",
                                                                   start,
                                                                   start + "1\n",
                                                                   start + root64 + "\n1\n",
                                                                   start + "\n" + root64 + "\n",
                                                                   start + "01\n" + root64 + "\n",
                                                                   start + "+1\n" + root64 + "\n",
                                                                   start + "-1\n" + root64 + "\n",
                                                                   start + " 1\n" + root64 + "\n",
                                                                   start + "1 \n" + root64 + "\n",
                                                                   start + "0x1\n" + root64 + "\n",
                                                                   start + "1e3\n" + root64 + "\n",
                                                                   start + "00\n" + root64 + "\n",
                                                                   start + "9223372036854775808\n" + root64 + "\n",
                                                                   start + "18446744073709551616\n" + root64 + "\n",
                                                                   start + "1\n" + root64.substr(4) + "\n",
                                                                   start + "1\n" + root64.substr(0, 43) + "\n",
                                                                   start + "1\nAAAA" + root64 + "\n",
                                                                   start + "1\n " + root64 + "\n",
                                                                   start + "1\n" + sha256("root").hex() + "\n",
                                                                   "\n" + start + "1\n" + root64 + "\n"}) {
    INFO(bad);
    const auto head = log.read(bad);
    REQUIRE_FALSE(head);
    CHECK(head.error().kind == ErrorKind::corrupt);
  }
}

TEST_CASE("only an Ed25519 key and an origin that can name a key make checkpoints") {
  const Log log;
  const LedgerHead head{1, sha256("root")};
  CHECK(sign_checkpoint("two words", head, *log.key).error().kind == ErrorKind::invalid_input);
  CHECK(sign_checkpoint("two\nlines", head, *log.key).error().kind == ErrorKind::invalid_input);
  CHECK(sign_checkpoint("", head, *log.key).error().kind == ErrorKind::invalid_input);
  CHECK(sign_checkpoint("a", {std::uint64_t{1} << 63, head.root}, *log.key).error().kind == ErrorKind::invalid_input);
  CHECK(sign_checkpoint("a", head, **generate_key(KeyAlgorithm::ecdsa_p256)).error().kind == ErrorKind::invalid_input);
}

TEST_CASE("a flipped bit anywhere in a checkpoint is noticed") {
  const Log log;
  const std::string note = *sign_checkpoint(log.origin, {123456, sha256("root")}, *log.key);
  for (std::size_t bit = 0; bit < note.size() * 8; ++bit) {
    std::string bad = note;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    INFO("bit " << bit);
    REQUIRE_FALSE(verify_checkpoint(bad, log.verifier));
  }
}
