/// C2SP tlog-proof, from whoever may have written it.
#include "tiled_log.hpp"

#include <random>

namespace forgepool {
namespace {

using testing::PublishedLog;

struct Signed {
  PublishedLog log{700};
  std::shared_ptr<Signer> key = *generate_key(KeyAlgorithm::ed25519);
  VerifierKey verifier{"log.example/one", key->public_key()};
  std::string checkpoint = *sign_checkpoint(verifier.name, log.head(), *key);

  TlogProof prove(std::uint64_t index) const {
    return {index, *prove_inclusion(log.fetch(), index, log.head()), checkpoint, {}};
  }
};

std::string why_not(std::string_view text) {
  const auto proof = parse_tlog_proof(text);
  REQUIRE_FALSE(proof);
  CHECK(proof.error().kind == ErrorKind::invalid_input);
  return proof.error().message;
}

const std::string hash = to_base64(Digest{}.bytes);

}  // namespace

TEST_CASE("a tlog-proof says what it proves in the form of C2SP, and is read back as it was") {
  const Signed made;
  TlogProof proof = made.prove(260);
  std::string text = write_tlog_proof(proof);
  CHECK(text.starts_with("c2sp.org/tlog-proof@v1\nindex 260\n"));
  CHECK(text.ends_with("\n\n" + made.checkpoint));
  proof.extra = to_bytes("more");
  text = write_tlog_proof(proof);
  CHECK(text.starts_with("c2sp.org/tlog-proof@v1\nextra bW9yZQ==\nindex 260\n"));
  const auto read = parse_tlog_proof(text);
  REQUIRE(read);
  CHECK(read->index == 260);
  CHECK(read->path == proof.path);
  CHECK(read->checkpoint == made.checkpoint);
  CHECK(to_text(read->extra) == "more");
  for (const std::uint64_t index : {0u, 260u, 699u})
    CHECK(verify_tlog_proof(made.prove(index), made.log.leaves[index], made.verifier));
}

TEST_CASE("a tlog-proof is refused for another leaf, index, path, log or checkpoint") {
  const Signed made, other;
  const Bytes& leaf = made.log.leaves[260];
  const auto refused = [&](const TlogProof& proof, ByteView claimed, const VerifierKey& key) {
    const auto verified = verify_tlog_proof(proof, claimed, key);
    REQUIRE_FALSE(verified);
    CHECK(verified.error().kind == ErrorKind::corrupt);
  };
  const TlogProof proof = made.prove(260);
  refused(proof, made.log.leaves[261], made.verifier);
  refused(proof, leaf, other.verifier);
  refused(proof, leaf, {"log.example/two", made.verifier.key});
  TlogProof bent = proof;
  bent.index = 261;
  refused(bent, leaf, made.verifier);
  bent.index = 700;
  refused(bent, leaf, made.verifier);
  bent.index = UINT64_MAX;
  refused(bent, leaf, made.verifier);
  bent = proof;
  bent.path[4].bytes[9] ^= 1;
  refused(bent, leaf, made.verifier);
  bent = proof;
  bent.path.pop_back();
  refused(bent, leaf, made.verifier);
  bent.path.assign(63, Digest{});
  refused(bent, leaf, made.verifier);
  bent = proof;
  bent.checkpoint = other.checkpoint;
  refused(bent, leaf, made.verifier);
  bent.checkpoint = "";
  refused(bent, leaf, made.verifier);
}

TEST_CASE("what is no tlog-proof is refused, and said why") {
  const std::string head = "c2sp.org/tlog-proof@v1\n", end = "\nlog.example\n1\n\n";
  CHECK(parse_tlog_proof(head + "index 0\n" + end));
  CHECK(parse_tlog_proof(head + "index 18446744073709551615\n" + hash + "\n" + end));
  for (const char* first :
       {"", "\n", "c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2\nindex 0\n\nx", "C2SP.org/tlog-proof@v1\nindex 0\n\nx",
        " c2sp.org/tlog-proof@v1\nindex 0\n\nx", "c2sp.org/tlog-proof@v1\r\nindex 0\n\nx"})
    CHECK_FALSE(parse_tlog_proof(first));
  for (const char* extra : {"extra !\n", "extra YQ\n", "extra YR==\n", "extra YQ==\nextra YQ==\n", "extra\n", "Extra YQ==\n"}) {
    INFO(extra);
    CHECK_FALSE(parse_tlog_proof(head + extra + "index 0\n" + end));
  }
  for (const char* index : {"", "index\n", "index \n", "index 01\n", "index -1\n", "index +1\n", "index 1 \n", "index 0x1\n",
                            "index 18446744073709551616\n", "index 1\nindex 1\n", "Index 1\n"}) {
    INFO(index);
    CHECK_FALSE(parse_tlog_proof(head + index + end));
  }
  for (const std::string& line : {std::string("x"), hash.substr(1), hash + "=", hash + " ", hash + "\r", to_base64(Bytes(31)),
                                  to_base64(Bytes(33)), std::string(" ")}) {
    INFO(line);
    CHECK(why_not(head + "index 0\n" + line + "\n" + end).find("at most 63 hashes") != std::string::npos);
  }
  std::string path;
  for (int i = 0; i < 63; ++i) path += hash + "\n";
  CHECK(parse_tlog_proof(head + "index 0\n" + path + end));
  CHECK(why_not(head + "index 0\n" + path + hash + "\n" + end).find("at most 63 hashes") != std::string::npos);
  CHECK(why_not(head + "index 0\n").find("checkpoint is missing") != std::string::npos);
  CHECK(why_not(head + "index 0\n\n").find("checkpoint is missing") != std::string::npos);
  CHECK(why_not(head + "index 0\n" + hash).find("checkpoint is missing") != std::string::npos);
}

TEST_CASE("a tlog-proof with a flipped bit is refused, or proves nothing else") {
  const Signed made;
  const std::string text = write_tlog_proof(made.prove(260));
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 500; ++round) {
    std::string bent = text;
    const auto at = random() % bent.size();
    bent[at] = static_cast<char>(bent[at] ^ (1 << (random() % 8)));
    const auto proof = parse_tlog_proof(bent);
    CAPTURE(at, bent);
    if (proof) CHECK_FALSE(verify_tlog_proof(*proof, made.log.leaves[260], made.verifier));
  }
}

}  // namespace forgepool
