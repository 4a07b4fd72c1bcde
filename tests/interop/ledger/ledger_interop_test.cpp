// What the ledger says about itself, checked by Go's golang.org/x/mod/sumdb/{note,tlog}, and the other way round.
#include "../../support/script.hpp"

#include <forgepool/backends/sqlite_ledger.hpp>
#include <forgepool/backends/tile_ledger.hpp>
#include <forgepool/merkle.hpp>
#include <forgepool/witness.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <stdlib.h>

using namespace forgepool;

namespace {

constexpr std::uint64_t old_size = 300, new_size = 700;

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "forgepool-interop-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder in " + name);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path(const std::string& name = "") const { return (path_ / name).string(); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path(name), std::ios::binary) << text; }
  std::string read(const std::string& name) const {
    std::ifstream file(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::filesystem::path path_;
};

test::Ran run_go(const std::string& command, const Folder& folder) {
  return test::run_script("'" FORGEPOOL_SUMDB_VERIFIER "' " + command + " '" + folder.path() + "'");
}

/// Everything an auditor gets about one log.
struct Evidence {
  std::string vkey, checkpoint, older_checkpoint;
  std::vector<Bytes> leaves;
  std::vector<std::pair<std::uint64_t, MerklePath>> under_new, under_old;
  MerklePath consistency;

  void write(const Folder& folder) const {
    folder.write("vkey", vkey);
    folder.write("checkpoint", checkpoint);
    folder.write("older_checkpoint", older_checkpoint);
    std::string inclusion = list(under_new, "new"), older = list(under_old, "old");
    std::string all;
    for (const Bytes& leaf : leaves) all += (all.empty() ? "\"" : ",\"") + to_base64(leaf) + "\"";
    folder.write("proofs.json", "{\"leaves\":[" + all + "],\"inclusion\":[" + inclusion + "," + older +
                                    "],\"consistency\":" + json(consistency) + "}");
  }

 private:
  static std::string json(const MerklePath& path) {
    std::string text;
    for (const Digest& digest : path) text += (text.empty() ? "\"" : ",\"") + to_base64(digest.bytes) + "\"";
    return "[" + text + "]";
  }
  static std::string list(const std::vector<std::pair<std::uint64_t, MerklePath>>& proofs, const std::string& size) {
    std::string text;
    for (const auto& [index, path] : proofs) {
      if (!text.empty()) text += ",";
      text += "{\"index\":" + std::to_string(index) + ",\"size\":\"" + size + "\",\"path\":" + json(path) + "}";
    }
    return text;
  }
};

Evidence make_evidence() {
  const Folder folder;
  const auto ledger =
      open_sqlite_ledger(
          {.path = folder.path("log.db"), .origin = "pool.example/org-1", .key = *generate_key(KeyAlgorithm::ed25519)})
          .value();
  Evidence evidence;
  evidence.vkey = to_vkey(ledger->origin(), ledger->key());
  LedgerBatch batch;
  const auto grow_to = [&](std::uint64_t size) {
    batch.leaves.clear();
    while (evidence.leaves.size() < size) {
      evidence.leaves.push_back(to_bytes("entry " + std::to_string(evidence.leaves.size())));
      batch.leaves.push_back(evidence.leaves.back());
    }
    ledger->commit(batch).value();
    return ledger->checkpoint().value();
  };
  evidence.older_checkpoint = grow_to(old_size);
  evidence.checkpoint = grow_to(new_size);
  for (std::uint64_t i = 0; i < new_size; i += 13)
    evidence.under_new.emplace_back(i, ledger->prove_inclusion(i, new_size).value());
  for (std::uint64_t i = 0; i < old_size; i += 13)
    evidence.under_old.emplace_back(i, ledger->prove_inclusion(i, old_size).value());
  evidence.consistency = ledger->prove_consistency(old_size, new_size).value();
  return evidence;
}

test::Ran judge(const Evidence& evidence) {
  const Folder folder;
  evidence.write(folder);
  return run_go("verify", folder);
}

/// Go refuses, and for this reason.
void refused(const Evidence& evidence, const std::string& reason) {
  const test::Ran ran = judge(evidence);
  INFO(ran.output);
  CHECK(ran.exit_code == 1);
  CHECK(ran.output.find("refused: " + reason) != std::string::npos);
}

void flip(Digest& digest) {
  digest.bytes[7] ^= 0x10;
}

bool no_go() {
  return std::string_view(FORGEPOOL_SUMDB_VERIFIER).empty();
}
#define SKIP_WITHOUT_GO() \
  if (no_go()) SKIP("needs Go and golang.org/x/mod (Debian: golang-1.23-go, golang-golang-x-mod-dev)")

}  // namespace

TEST_CASE("Go's sumdb verifies the ledger's checkpoints, inclusion proofs and consistency proof") {
  SKIP_WITHOUT_GO();
  const test::Ran ran = judge(make_evidence());
  INFO(ran.output);
  CHECK(ran.exit_code == 0);
  CHECK(ran.output.starts_with("ok: 700 leaves, 78 inclusion proofs, consistent from 300"));
}

TEST_CASE("Go's sumdb refuses what was tampered with") {
  SKIP_WITHOUT_GO();
  const Evidence intact = make_evidence();
  Evidence bad = intact;
  SECTION("an element of an inclusion proof") {
    flip(bad.under_new[20].second[3]);
    refused(bad, "inclusion of 260");
  }
  SECTION("an element of an inclusion proof under the older checkpoint") {
    flip(bad.under_old[1].second[0]);
    refused(bad, "inclusion of 13");
  }
  SECTION("a shortened inclusion proof") {
    bad.under_new[0].second.pop_back();
    refused(bad, "inclusion of 0");
  }
  SECTION("an inclusion proof of another leaf") {
    bad.under_new[2].second = bad.under_new[3].second;
    refused(bad, "inclusion of 26");
  }
  SECTION("an element of the consistency proof") {
    flip(bad.consistency[2]);
    refused(bad, "consistency");
  }
  SECTION("a leaf") {
    bad.leaves[5][0] ^= 1;
    refused(bad, "tree");
  }
  SECTION("the checkpoint's root") {
    bad.checkpoint[bad.checkpoint.find("\n700\n") + 6] ^= 1;
    refused(bad, "checkpoint");
  }
  SECTION("the checkpoint's signature") {
    char& byte = bad.checkpoint[bad.checkpoint.size() - 20];
    byte = byte == 'A' ? 'B' : 'A';
    refused(bad, "checkpoint");
  }
  SECTION("the key") {
    bad.vkey = make_evidence().vkey;
    refused(bad, "checkpoint");
  }
}

namespace {

/// What a log publishes for any web server, cosigned by a witness.
void publish(const Folder& folder) {
  const auto witness = generate_key(KeyAlgorithm::ed25519).value();
  LedgerBatch batch;
  std::string cosigned;
  {
    const auto ledger =
        open_tile_ledger(
            {.path = folder.path("ledger"), .origin = "pool.example/org-1", .key = *generate_key(KeyAlgorithm::ed25519)})
            .value();
    const auto grow_to = [&](std::uint64_t size) {
      batch.leaves.clear();
      for (std::uint64_t i = ledger->head().size; i < size; ++i) batch.leaves.push_back(to_bytes("entry " + std::to_string(i)));
      ledger->commit(batch).value();
      return ledger->checkpoint().value();
    };
    folder.write("older_checkpoint", grow_to(old_size));
    const std::string checkpoint = grow_to(new_size);
    folder.write("vkey", to_vkey(ledger->origin(), ledger->key()));
    const auto line = cosign_checkpoint(checkpoint, "witness.example/one", *witness, Time(std::chrono::hours(490'000))).value();
    const auto vkey = to_cosigner_vkey("witness.example/one", witness->public_key());
    folder.write("witness_vkey", vkey);
    cosigned = add_cosignatures(checkpoint, line, {parse_cosigner_vkey(vkey).value()}).value();
  }
  std::filesystem::rename(folder.path("ledger/public"), folder.path("log"));
  folder.write("log/checkpoint", cosigned);
}

/// Changes one byte of a file.
void bend(const Folder& folder, const std::string& name, std::size_t at) {
  std::string content = folder.read(name);
  REQUIRE(content.size() > at);
  content[at] ^= 1;
  folder.write(name, content);
}

}  // namespace

TEST_CASE("Go's sumdb reads the published tiles and entries, and the witness's cosignature") {
  SKIP_WITHOUT_GO();
  const Folder folder;
  publish(folder);
  const auto refused = [&](const std::string& reason) {
    const test::Ran ran = run_go("tiles", folder);
    INFO(ran.output);
    CHECK(ran.exit_code == 1);
    CHECK(ran.output.starts_with("refused: " + reason));
  };
  SECTION("as they are") {
    const test::Ran ran = run_go("tiles", folder);
    INFO(ran.output);
    CHECK(ran.exit_code == 0);
    CHECK(ran.output.starts_with("ok: 700 published entries, cosigned by witness.example/one, consistent from 300"));
  }
  SECTION("a tampered tile") {
    bend(folder, "log/tile/0/001", 77);
    refused("entry 258: not the one in its tile");
  }
  SECTION("a tampered entry") {
    bend(folder, "log/tile/entries/000", 5);
    refused("entry 0");
  }
  SECTION("a missing entry bundle") {
    std::filesystem::remove(folder.path("log/tile/entries/001"));
    refused("tile/entries/001");
  }
  SECTION("a tampered cosignature") {
    std::string checkpoint = folder.read("log/checkpoint");
    const auto end = checkpoint.find_last_not_of("=\n");
    checkpoint[end - 3] = checkpoint[end - 3] == 'A' ? 'B' : 'A';
    folder.write("log/checkpoint", checkpoint);
    refused("checkpoint");
  }
  SECTION("another log's older checkpoint") {
    const Evidence other = make_evidence();
    folder.write("older_checkpoint", other.older_checkpoint);
    refused("checkpoint");
  }
}

TEST_CASE("a checkpoint signed by Go's sumdb verifies here, a second signature notwithstanding") {
  SKIP_WITHOUT_GO();
  const Folder folder;
  REQUIRE(run_go("sign", folder).exit_code == 0);
  const auto key = parse_vkey(folder.read("vkey"));
  REQUIRE(key);
  CHECK(to_vkey(key->name, key->key) == folder.read("vkey"));
  const std::string note = folder.read("checkpoint");
  const auto head = verify_checkpoint(note, *key);
  REQUIRE(head);
  CHECK(head->size == 3);
  CHECK(head->root == merkle_root(std::array{leaf_hash(as_bytes("a")), leaf_hash(as_bytes("b")), leaf_hash(as_bytes("c"))}));
  std::string bad = note;
  bad[bad.find("\n3\n") + 1] = '4';
  CHECK_FALSE(verify_checkpoint(bad, *key));
}
