#include <forgepool/backends/duplication_verifier.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdlib>

#include "court.hpp"

using namespace forgepool;
using namespace forgepool::testing;

namespace {

/// Letters agree if they are neighbours in the alphabet: a with b, b with c, but not a with c.
class Neighbours final : public AnswerComparator {
 public:
  bool agree(const Digest& a, const Digest& b) const override { return std::abs(letter(a) - letter(b)) <= 1; }
  std::optional<std::uint64_t> first_divergence(const Digest& a, const Digest& b) const override {
    return static_cast<std::uint64_t>(std::abs(letter(a) - letter(b)));
  }
};

std::unique_ptr<Verifier> begin(std::unique_ptr<Verifier> verifier, const ContractPolicy& policy) {
  VerifierJob job{JobId("j"), 1, policy};
  job.comparator = std::make_shared<Neighbours>();
  verifier->begin(job);
  return verifier;
}

std::vector<VerifierAction> answer(Verifier& verifier, char said) {
  return verifier.answer({{JobId("j"), 0}, AgentId(std::string("of-") + said), LeaseId("l"), result(said)});
}

ContractPolicy full(std::uint32_t replicas) {
  ContractPolicy policy;
  policy.verify = VerifyMode::full;
  policy.replicas = replicas;
  return policy;
}

}  // namespace

TEST_CASE("answers that agree without being equal confirm each other, and the representative is accepted") {
  const auto verifier = begin(make_duplication_verifier(), full(3));
  answer(*verifier, 'c');
  answer(*verifier, 'd');
  const auto actions = answer(*verifier, 'e');
  REQUIRE(actions.size() == 1);
  const auto& verdict = std::get<ShardVerdict>(actions[0]);
  CHECK(verdict.result == result('d'));  // The only one with which all three agree.
  CHECK(std::ranges::all_of(verdict.evidence, &Evidence::agrees));
}

TEST_CASE("in whatever order the same answers come, the same one is accepted and the same agent loses") {
  std::string letters = "bcdx";
  do {
    INFO(letters);
    const auto verifier = begin(make_duplication_verifier(), full(3));
    std::vector<std::string> done;
    for (const char said : letters)
      for (const auto& action : answer(*verifier, said)) {
        if (const auto* verdict = std::get_if<ShardVerdict>(&action))
          done.push_back(std::string("accepted ") + letter(verdict->result));
        if (const auto* caught = std::get_if<Quarantine>(&action)) done.push_back("caught " + caught->agent.str());
      }
    CHECK(done == Lines{"accepted c", "caught of-x"});
  } while (std::ranges::next_permutation(letters).found);
}

TEST_CASE("who loses against the representative is caught, with the step at which it went another way") {
  const auto verifier = begin(make_duplication_verifier(), full(2));
  answer(*verifier, 'a');
  CHECK(std::holds_alternative<Execute>(answer(*verifier, 'k').front()));
  const auto actions = answer(*verifier, 'b');
  REQUIRE(actions.size() == 2);
  const auto& verdict = std::get<ShardVerdict>(actions[0]);
  CHECK(verdict.result == result('a'));  // As many agree with it as with b: the smaller digest.
  CHECK(verdict.evidence[1].diverges_at == 10);
  CHECK_FALSE(verdict.evidence[0].diverges_at);
  CHECK(std::get<Quarantine>(actions[1]).reason.find("they differ from step 10 on") != std::string::npos);
  CHECK(verifier->explain({JobId("j"), 0})
            .find("of-b returned sha256:6262626262626262… under lease l, which agrees with what was "
                  "accepted") != std::string::npos);
  CHECK(answer(*verifier, 'b').empty());
}
