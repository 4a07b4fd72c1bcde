#include <forgepool/witness.hpp>

#include <catch2/catch_test_macros.hpp>

#include <map>

using namespace forgepool;

namespace {

struct Cast {
  std::map<std::string, std::shared_ptr<Signer>> keys;
  const Signer& key(const std::string& name) {
    auto& key = keys[name];
    if (!key) key = *generate_key(KeyAlgorithm::ed25519);
    return *key;
  }
  std::string witness(const std::string& name) {
    return "witness " + name + " " + to_cosigner_vkey("w/" + name, key(name).public_key()) + "\n";
  }
  std::string cosigned(const std::vector<std::string>& names) {
    std::string note = *sign_checkpoint("log", {1, leaf_hash({})}, key("log"));
    const std::string bare = note;
    for (const auto& name : names)
      note += *cosign_checkpoint(bare, "w/" + name, key(name), Time(std::chrono::seconds(1'700'000'000)));
    return note;
  }
};

}  // namespace

TEST_CASE("the policy of the specification wants two of three and one of the others") {
  Cast cast;
  std::string text = "# example\n\n  log\t" + to_vkey("log", cast.key("log").public_key()) + " https://log.example/  \n";
  for (const char* name : {"X1", "X2", "X3"}) text += cast.witness(name);
  text += "group X-witnesses 2 X1 X2 X3\n";
  for (const char* name : {"Y1", "Y2", "Y3"}) text += cast.witness(name);
  text += "group Y-witnesses any Y1 Y2 Y3\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n";
  const auto policy = WitnessPolicy::parse(text);
  REQUIRE(policy);
  CHECK(policy->needs_witnesses());
  CHECK(policy->logs().front().url == "https://log.example/");
  CHECK(policy->witnesses().size() == 6);
  CHECK(policy->check(cast.cosigned({"X1", "X3", "Y2"})));
  CHECK(policy->check(cast.cosigned({"X1", "X2", "X3", "Y1", "Y2", "Y3"})));
  CHECK_FALSE(policy->check(cast.cosigned({"X1", "X2", "X3"})));
  CHECK_FALSE(policy->check(cast.cosigned({"X1", "Y1", "Y2", "Y3"})));
  CHECK_FALSE(policy->check(cast.cosigned({"X1", "X1", "Y1"})));
  const auto missing = policy->check(cast.cosigned({"X2", "Y1"}));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == ErrorKind::unavailable);
  CHECK(missing.error().message.find("X1, X3, Y2, Y3") != std::string::npos);
}

TEST_CASE("a policy may ask for one witness, or for none") {
  Cast cast;
  const auto none = WitnessPolicy::parse("quorum none\n");
  REQUIRE(none);
  CHECK_FALSE(none->needs_witnesses());
  CHECK(none->check("anything"));
  CHECK(WitnessPolicy().check("anything"));
  const auto one = WitnessPolicy::parse(cast.witness("W") + "quorum W\n");
  REQUIRE(one);
  CHECK(one->check(cast.cosigned({"W"})));
  CHECK_FALSE(one->check(cast.cosigned({})));
}

TEST_CASE("what is no policy is refused, with its line") {
  Cast cast;
  const std::string w = cast.witness("W"), v = cast.witness("V");
  const auto refused = [](const std::string& text, const std::string& why) {
    const auto policy = WitnessPolicy::parse(text);
    CAPTURE(text);
    REQUIRE_FALSE(policy);
    INFO(policy.error().message);
    CHECK(policy.error().message.find(why) != std::string::npos);
  };
  refused("", "the quorum line is missing");
  refused(w, "the quorum line is missing");
  refused("quorum none", "does not end in a newline");
  refused("quorum none\nquorum none\n", "line 2: there is a second quorum line");
  refused("quorum W\n" + w, "line 1: there is no witness or group W above");
  refused(w + w + "quorum W\n", "line 2: this witness's key was listed before");
  refused(w + v.substr(0, 8) + "W" + v.substr(9) + "quorum W\n", "line 2: the name W is taken");
  refused("witness none" + w.substr(9) + "quorum none\n", "the name none is taken");
  refused(w + v + "group G 3 W V\nquorum G\n", "line 3: the threshold must be");
  refused(w + v + "group G 0 W V\nquorum G\n", "line 3: the threshold must be");
  refused(w + "group G any\nquorum G\n", "line 2: expected: group");
  refused(w + "group G any W\ngroup H any W\nquorum H\n", "line 3: W is a member of a group already");
  refused(w + "group G any G\nquorum G\n", "there is no witness or group G above");
  refused("witness W nonsense\nquorum W\n", "line 1: malformed verifier key");
  refused("log " + to_cosigner_vkey("log", cast.key("log").public_key()) + "\nquorum none\n", "only keys of type 1");
  refused("witness W " + to_vkey("w", cast.key("W").public_key()) + "\nquorum W\n", "of type 4");
  refused("frob\nquorum none\n", "expected a line that begins with");
  refused("quorum none\r\n", "control character");
}
