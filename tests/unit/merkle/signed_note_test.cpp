#include "crypto/signed_note.hpp"

#include "crypto/keys.hpp"

#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <random>
#include <sstream>

using namespace forgepool;

namespace {

// The example of the C2SP specification.
constexpr std::string_view example_vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const std::string example_text = "This is an example message.\n";
const std::string example_line =
    "\xe2\x80\x94 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
const std::string example_note = example_text + "\n" + example_line;

VerifierKey example_key() {
  return *parse_vkey(example_vkey);
}

/// A well-formed line by a key that nobody knows.
std::string stranger_line(std::string_view name = "stranger.example") {
  return "\xe2\x80\x94 " + std::string(name) + " " + to_base64(Bytes(68, 7)) + "\n";
}

bool refused(const std::string& note) {
  const auto opened = open_note(note, example_key());
  return !opened && opened.error().kind == ErrorKind::corrupt;
}

}  // namespace

TEST_CASE("the specification's example note verifies with the specification's example key") {
  const auto text = open_note(example_note, example_key());
  REQUIRE(text);
  CHECK(*text == example_text);
}

TEST_CASE("the example files of the specification say the same") {
  std::ifstream note(std::string(FORGEPOOL_VECTORS_DIR) + "/c2sp/signed-note-example.txt");
  std::ifstream vkey(std::string(FORGEPOOL_VECTORS_DIR) + "/c2sp/signed-note-example.vkey");
  if (!note || !vkey) SKIP("no test vectors in " FORGEPOOL_VECTORS_DIR);
  std::stringstream text;
  text << note.rdbuf();
  std::string line;
  std::getline(vkey, line);
  CHECK(line == example_vkey);
  CHECK(open_note(text.str(), *parse_vkey(line)) == example_text);
}

TEST_CASE("a verifier key survives being written and read") {
  CHECK(to_vkey("example.com/foo", example_key().key) == example_vkey);
  CHECK(example_key().name == "example.com/foo");
  const auto made = *generate_key(KeyAlgorithm::ed25519);
  const auto read = parse_vkey(to_vkey("log.example/1", made->public_key()));
  REQUIRE(read);
  CHECK(read->key == made->public_key());
}

TEST_CASE("malformed verifier keys are refused") {
  for (const std::string_view bad : {"", "+", "++", "example.com/foo", "example.com/foo+530d903a", "example.com/foo+530d903a+",
                                     "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",                 // no name
                                     "example.com/bar+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",  // another name
                                     "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",  // another id
                                     "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",  // upper case
                                     "example.com/foo+530d903+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",   // short id
                                     "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2",   // cut short
                                     "example.com/foo+530d903a+BOkyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",  // type 4
                                     "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2kAAAA",  // long key
                                     "example com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",      // space
                                     "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n"}) {
    const auto parsed = parse_vkey(bad);
    INFO(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().kind == ErrorKind::invalid_input);
  }
}

TEST_CASE("only Ed25519 keys sign and verify notes") {
  const auto ecdsa = *generate_key(KeyAlgorithm::ecdsa_p256);
  CHECK(to_vkey("log.example", ecdsa->public_key()).empty());
  CHECK(sign_note("text\n", "log.example", *ecdsa).error().kind == ErrorKind::invalid_input);
  CHECK(open_note(example_note, {"example.com/foo", ecdsa->public_key()}).error().kind == ErrorKind::invalid_input);
}

TEST_CASE("what is signed verifies, whatever the text holds") {
  const auto key = *generate_key(KeyAlgorithm::ed25519);
  for (const std::string text : {"a\n", "\n", "a\n\nb\n", "a\n\n\xe2\x80\x94 b YWJjZGVm\n", "Grüße\n", "a\n\n\n"}) {
    const auto note = sign_note(text, "log.example", *key);
    REQUIRE(note);
    CHECK(open_note(*note, {"log.example", key->public_key()}) == text);
  }
  for (const std::string text : {"", "no newline", "tab\t\n", "cr\r\n", "bad utf8 \xff\n"})
    CHECK(sign_note(text, "log.example", *key).error().kind == ErrorKind::invalid_input);
  for (const std::string name : {"", "a b", "a+b", "a\nb",
                                 "a\xc2\xa0"
                                 "b",
                                 "\xff"})
    CHECK(sign_note("text\n", name, *key).error().kind == ErrorKind::invalid_input);
}

TEST_CASE("signatures by strangers are ignored, before and after ours") {
  CHECK(open_note(example_text + "\n" + stranger_line() + example_line + stranger_line(), example_key()));
  CHECK(open_note(example_text + "\n" + stranger_line("example.com/foo") + example_line, example_key()));
  // The same key id under another name is another key.
  const std::string same_id = "\xe2\x80\x94 other.example " + example_line.substr(example_line.rfind(' ') + 1);
  CHECK(open_note(example_text + "\n" + same_id + example_line, example_key()));
  CHECK(refused(example_text + "\n" + same_id));
  CHECK(refused(example_text + "\n" + stranger_line()));
  CHECK(refused(example_text + "\n" + stranger_line("example.com/foo")));
}

TEST_CASE("a line in our key's name and id that does not verify spoils the note") {
  std::string bad_line = example_line;
  bad_line[bad_line.size() - 20] = bad_line[bad_line.size() - 20] == 'A' ? 'B' : 'A';
  CHECK(refused(example_text + "\n" + example_line + bad_line));
  CHECK(refused(example_text + "\n" + bad_line));
}

TEST_CASE("malformed notes are refused") {
  for (const std::string& bad :
       std::initializer_list<std::string>{"",
                                          "\n",
                                          "\n\n",
                                          example_text,
                                          example_text + "\n",
                                          example_text + example_line,
                                          example_text + "\n" + example_line + "\n",
                                          example_note.substr(0, example_note.size() - 1),
                                          example_note + "x",
                                          example_note + "x\n",
                                          "\n" + example_line,
                                          example_text + "\n" + example_line.substr(3),                      // no dash
                                          example_text + "\n-" + example_line.substr(3),                     // another dash
                                          example_text + "\n\xe2\x80\x94  YWJjZGVm\n" + example_line,        // empty name
                                          example_text + "\n\xe2\x80\x94 a+b YWJjZGVm\n" + example_line,     // plus
                                          example_text + "\n\xe2\x80\x94 a\n" + example_line,                // no signature
                                          example_text + "\n\xe2\x80\x94 a YWJj\n" + example_line,           // 3 bytes
                                          example_text + "\n\xe2\x80\x94 a YWJjZA==\n" + example_line,       // only a key id
                                          example_text + "\n\xe2\x80\x94 a YWJjZGVm=\n" + example_line,      // not base64
                                          example_text + "\n\xe2\x80\x94 a YWJjZGVm YWJj\n" + example_line,  // four parts
                                          "tab\t\n\n" + example_line,
                                          "nul" + std::string(1, '\0') + "\n\n" + example_line,
                                          "cr\r\n\n" + example_line,
                                          "\xc0\xaf\n\n" + example_line,
                                          "\xed\xa0\x80\n\n" + example_line}) {
    INFO(bad);
    CHECK(refused(bad));
    const auto parsed = parse_note(bad);
    if (!parsed) CHECK(parsed.error().kind == ErrorKind::corrupt);
  }
}

TEST_CASE("notes are bounded: at least 16 signatures, at most 100, and a megabyte") {
  std::string many = example_text + "\n";
  for (int i = 0; i < 99; ++i) many += stranger_line();
  CHECK(open_note(many + example_line, example_key()));
  CHECK(refused(many + stranger_line() + example_line));

  std::string post_quantum = example_text + "\n";
  for (int i = 0; i < 15; ++i) post_quantum += "\xe2\x80\x94 big.example " + to_base64(Bytes(5'000, 1)) + "\n";
  CHECK(open_note(post_quantum + example_line, example_key()));
  CHECK(refused(std::string(max_note_bytes, 'x') + "\n\n" + example_line));
}

TEST_CASE("no change of one bit in a note goes unnoticed") {
  for (std::size_t bit = 0; bit < example_note.size() * 8; ++bit) {
    std::string bad = example_note;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    const auto opened = open_note(bad, example_key());
    INFO("bit " << bit);
    REQUIRE_FALSE(opened);
  }
}

TEST_CASE("random bytes and random edits never crash the parsers") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 20'000; ++round) {
    std::string note = example_note, vkey(example_vkey);
    for (int edits = 1 + static_cast<int>(random() % 4); edits-- > 0;) {
      for (std::string* text : {&note, &vkey}) {
        const std::size_t at = random() % (text->size() + 1);
        const char byte = random() % 2 ? static_cast<char>(random()) : "\n +\xe2"[random() % 4];
        if (random() % 3 == 0)
          text->insert(at, 1, byte);
        else if (at < text->size() && random() % 2)
          text->erase(at, random() % 8);
        else if (at < text->size())
          (*text)[at] = byte;
      }
    }
    const auto opened = open_note(note, example_key());
    if (opened) CHECK(*opened == example_text);
    (void)parse_vkey(vkey);
  }
}
