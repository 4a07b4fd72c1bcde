#include <forgepool/witness.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;

namespace {

const std::string origin = "pool.example/org-1";
const Time noon = *from_rfc3339("2026-01-31T12:00:00Z");

std::shared_ptr<Signer> fresh_key() {
  return *generate_key(KeyAlgorithm::ed25519);
}

/// A log in memory that may turn into another one.
struct Log {
  std::shared_ptr<Signer> key = fresh_key();
  std::vector<Digest> hashes;

  void grow(std::size_t count, const std::string& what = "leaf") {
    for (std::size_t i = 0; i < count; ++i) hashes.push_back(leaf_hash(as_bytes(what + std::to_string(hashes.size()))));
  }
  LedgerHead head() const { return {hashes.size(), merkle_root(hashes)}; }
  std::string checkpoint() const { return *sign_checkpoint(origin, head(), *key); }
  VerifierKey verifier() const { return {origin, key->public_key()}; }

  /// RFC 6962 section 2.1.2, literally.
  MerklePath subproof(std::size_t m, std::span<const Digest> d, bool whole) const {
    if (m == d.size()) return whole ? MerklePath{} : MerklePath{merkle_root(d)};
    std::size_t k = 1;
    while (k * 2 < d.size()) k *= 2;
    MerklePath path = m <= k ? subproof(m, d.first(k), whole) : subproof(m - k, d.subspan(k), false);
    path.push_back(m <= k ? merkle_root(d.subspan(k)) : merkle_root(d.first(k)));
    return path;
  }
  std::string request(std::uint64_t old_size) const {
    return write_add_checkpoint({old_size, old_size == 0 ? MerklePath{} : subproof(old_size, hashes, true), checkpoint()});
  }
};

struct Kept {
  std::map<std::string, std::string> notes;
  bool broken = false;
};

std::unique_ptr<Witness> witness_of(const Log& log, Kept& kept, const std::shared_ptr<Signer>& key = fresh_key()) {
  return *Witness::make(
      {"witness.example/w1", key, {log.verifier()}, [&kept](const std::string& of, const std::string& note) -> Status {
         if (kept.broken) return fail(ErrorKind::internal, "no space left");
         kept.notes[of] = note;
         return {};
       }});
}

}  // namespace

TEST_CASE("a cosignature says which log was seen to grow to what, and when") {
  Log log;
  log.grow(5);
  const auto key = fresh_key();
  const VerifierKey cosigner = *parse_cosigner_vkey(to_cosigner_vkey("w", key->public_key()));
  const auto line = cosign_checkpoint(log.checkpoint(), "w", *key, noon);
  REQUIRE(line);
  const std::string note = log.checkpoint() + *line;
  CHECK(verify_cosignature(note, cosigner) == static_cast<std::uint64_t>(unix_seconds(noon)));
  CHECK(verify_checkpoint(note, log.verifier())->size == 5);  // Still the log's.

  Log other = log;
  other.grow(1);
  CHECK_FALSE(verify_cosignature(other.checkpoint() + *line, cosigner));
  CHECK_FALSE(verify_cosignature(log.checkpoint(), cosigner));
  CHECK_FALSE(verify_cosignature(note, {"w", fresh_key()->public_key()}));
  CHECK_FALSE(verify_cosignature(note, {"v", key->public_key()}));
  // A key of a log is none of a cosigner, and the other way round: they sign other things.
  CHECK_FALSE(parse_cosigner_vkey(to_vkey("w", key->public_key())));
  CHECK_FALSE(parse_vkey(to_cosigner_vkey("w", key->public_key())));
}

TEST_CASE("a changed byte of a cosignature is found, whichever it is") {
  Log log;
  log.grow(3);
  const auto key = fresh_key();
  const std::string line = *cosign_checkpoint(log.checkpoint(), "w", *key, noon);
  const std::size_t start = line.rfind(' ') + 1;
  for (std::size_t i = start; i + 1 < line.size(); ++i) {
    std::string changed = line;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    CAPTURE(i);
    CHECK_FALSE(verify_cosignature(log.checkpoint() + changed, {"w", key->public_key()}));
  }
}

TEST_CASE("a witness follows a log that grows, and remembers what it saw") {
  Log log;
  Kept kept;
  const auto key = fresh_key();
  std::uint64_t size = 0;
  {
    const auto witness = witness_of(log, kept, key);
    for (const std::size_t more : {0, 1, 6, 0, 300, 1}) {
      log.grow(more);
      const auto answer = witness->add_checkpoint(log.request(size), noon);
      CAPTURE(size, more, answer.body);
      REQUIRE(answer.status == 200);
      CHECK(verify_cosignature(log.checkpoint() + answer.body, {"witness.example/w1", key->public_key()}));
      size = log.hashes.size();
      CHECK(witness->latest_size(origin) == size);
      CHECK(kept.notes.at(origin) == log.checkpoint() + answer.body);
      CHECK(witness->latest(origin) == kept.notes.at(origin));
    }
  }
  const auto again = witness_of(log, kept, key);
  REQUIRE(again->restore(kept.notes.at(origin)));
  const auto behind = again->add_checkpoint(log.request(7), noon);
  CHECK(behind.status == 409);
  CHECK(behind.content_type == "text/x.tlog.size");
  CHECK(behind.body == std::to_string(size) + "\n");
  log.grow(1);
  CHECK(again->add_checkpoint(log.request(size), noon).status == 200);
}

TEST_CASE("a witness does not cosign a log that was forked, rewritten or cut off") {
  Log log;
  log.grow(40);
  Kept kept;
  const auto witness = witness_of(log, kept);
  REQUIRE(witness->add_checkpoint(log.request(0), noon).status == 200);
  const std::string seen = kept.notes.at(origin);

  Log forked = log;
  forked.hashes.resize(30);
  forked.grow(10, "another leaf");
  CHECK(witness->add_checkpoint(forked.request(40), noon).status == 422);  // Of the same size.
  forked.grow(20);
  const auto caught = witness->add_checkpoint(forked.request(40), noon);
  CHECK(caught.status == 422);
  CHECK(caught.body.find("REWRITTEN") != std::string::npos);
  Log cut = log;
  cut.hashes.resize(39);
  CHECK(witness->add_checkpoint(cut.request(39), noon).status == 409);
  CHECK(witness->add_checkpoint(cut.request(0), noon).status == 409);
  CHECK(kept.notes.at(origin) == seen);
  log.grow(1);
  CHECK(witness->add_checkpoint(log.request(40), noon).status == 200);  // The true one goes on.
}

TEST_CASE("a witness cosigns only what the log it knows has signed, and only when it was kept") {
  Log log, stranger;
  log.grow(4);
  stranger.grow(4);
  Kept kept;
  const auto witness = witness_of(log, kept);
  CHECK(witness->add_checkpoint(stranger.request(0), noon).status == 403);
  const std::string elsewhere = *sign_checkpoint("other.example", log.head(), *log.key);
  CHECK(witness->add_checkpoint(write_add_checkpoint({0, {}, elsewhere}), noon).status == 404);
  CHECK(witness->add_checkpoint(write_add_checkpoint({5, {}, log.checkpoint()}), noon).status == 400);
  CHECK(witness->add_checkpoint(write_add_checkpoint({0, {log.hashes[0]}, log.checkpoint()}), noon).status == 422);
  kept.broken = true;
  CHECK(witness->add_checkpoint(log.request(0), noon).status == 500);
  CHECK_FALSE(witness->latest(origin));
  kept.broken = false;
  CHECK(witness->add_checkpoint(log.request(0), noon).status == 200);
  CHECK_FALSE(witness->restore(stranger.checkpoint()));
  CHECK_FALSE(witness->restore(log.checkpoint()));  // Not cosigned.
}

TEST_CASE("requests that are none are refused") {
  Log log;
  log.grow(3);
  Kept kept;
  const auto witness = witness_of(log, kept);
  const std::string good = log.request(0);
  for (const std::string& body :
       {std::string(), std::string("old 0"), std::string("old 0\n\n"), "new" + good.substr(3), "old 00" + good.substr(5),
        "old -1" + good.substr(5), "old 0\nAAAA\n" + good.substr(6), "old 0\n" + log.checkpoint(),
        good.substr(0, good.size() - 1),
        "old 0\n" + std::string("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n") + std::string(0, 'x')}) {
    CAPTURE(body);
    CHECK(witness->add_checkpoint(body, noon).status == 400);
  }
  std::string long_proof = "old 3\n";
  for (int i = 0; i < 64; ++i) long_proof += "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
  CHECK(witness->add_checkpoint(long_proof + "\n" + log.checkpoint(), noon).status == 400);
  for (std::size_t cut = 0; cut < good.size(); ++cut) CHECK(witness->add_checkpoint(good.substr(0, cut), noon).status != 200);
}

TEST_CASE("only valid cosignatures by known witnesses get onto a checkpoint, once each") {
  Log log;
  log.grow(2);
  const auto one = fresh_key(), other = fresh_key(), unknown = fresh_key();
  const std::vector<VerifierKey> known{{"one", one->public_key()}, {"other", other->public_key()}};
  const std::string note = log.checkpoint();
  const std::string by_one = *cosign_checkpoint(note, "one", *one, noon),
                    by_other = *cosign_checkpoint(note, "other", *other, noon),
                    by_unknown = *cosign_checkpoint(note, "unknown", *unknown, noon),
                    forged = *cosign_checkpoint(note, "other", *unknown, noon);
  CHECK(add_cosignatures(note, by_unknown + by_one + forged, known) == note + by_one);
  CHECK(add_cosignatures(note + by_one, by_one + by_other, known) == note + by_one + by_other);
  CHECK(add_cosignatures(
            note,
            *cosign_checkpoint("other log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" + by_one, "one", *one, noon),
            known) == note);
  CHECK_FALSE(add_cosignatures(note, "no signature line\n", known));
  CHECK_FALSE(add_cosignatures(note, "\nanother text\n\n" + by_one, known));
}
