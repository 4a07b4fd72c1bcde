#include <forgepool/backends/duplication_verifier.hpp>

#include <catch2/catch_test_macros.hpp>

#include "../../conformance/verifier/actions.hpp"

using namespace forgepool;
using forgepool::testing::describe;
using forgepool::testing::result;

namespace {

using Lines = std::vector<std::string>;

/// A verifier and jobs on it, spoken to in short words.
struct Court {
  std::unique_ptr<Verifier> verifier = make_duplication_verifier();

  Lines begin(VerifyMode mode, std::uint32_t shards, std::uint32_t replicas = 2, double ratio = 0, const std::string& job = "j",
              std::uint8_t secret = 1) {
    ContractPolicy policy;
    policy.verify = mode;
    policy.replicas = replicas;
    policy.spotcheck_ratio = ratio;
    std::array<std::uint8_t, 32> key;
    key.fill(secret);
    return describe(verifier->begin({JobId(job), shards, policy, key}));
  }
  Lines answer(const std::string& agent, std::uint32_t shard, char digest, const std::string& job = "j") {
    return describe(verifier->answer({{JobId(job), shard}, AgentId(agent), LeaseId("of-" + agent), result(digest)}));
  }
  Lines quarantine(const std::string& agent) { return describe(verifier->quarantine(AgentId(agent))); }
};

}  // namespace

TEST_CASE("none accepts the first answer") {
  Court court;
  CHECK(court.begin(VerifyMode::none, 2) == Lines{"execute j/0 x1", "execute j/1 x1"});
  CHECK(court.answer("a", 1, 'X') == Lines{"accept j/1 X [a=X] none"});
  CHECK(court.answer("b", 1, 'Y').empty());  // Late, and nothing shows who of the two is right.
  CHECK(court.answer("b", 0, 'Y') == Lines{"accept j/0 Y [b=Y] none"});
}

TEST_CASE("full accepts when all replicas agree") {
  Court court;
  CHECK(court.begin(VerifyMode::full, 1, 3) == Lines{"execute j/0 x3"});
  CHECK(court.answer("a", 0, 'X').empty());
  CHECK(court.answer("b", 0, 'X').empty());
  CHECK(court.answer("c", 0, 'X') == Lines{"accept j/0 X [a=X b=X c=X] full 3 of 3"});
}

TEST_CASE("full with one replica compares nothing and accepts the first answer") {
  Court court;
  CHECK(court.begin(VerifyMode::full, 1, 1) == Lines{"execute j/0 x1"});
  CHECK(court.answer("a", 0, 'X') == Lines{"accept j/0 X [a=X] full 1 of 1"});
}

TEST_CASE("on disagreement full asks for one more at a time, accepts what enough agree on, and puts the losers in quarantine") {
  Court court;
  court.begin(VerifyMode::full, 1, 2);
  CHECK(court.answer("a", 0, 'X').empty());
  CHECK(court.answer("b", 0, 'Y') == Lines{"execute j/0 x1"});
  CHECK(court.answer("c", 0, 'Z') == Lines{"execute j/0 x1"});
  CHECK(court.answer("d", 0, 'Y') ==
        Lines{"accept j/0 Y [a=X b=Y c=Z d=Y] full 2 of 4", "quarantine a at j/0 X!=Y", "quarantine c at j/0 Z!=Y"});
}

TEST_CASE("full with three replicas is not content with two of three") {
  Court court;
  court.begin(VerifyMode::full, 1, 3);
  court.answer("a", 0, 'X');
  court.answer("b", 0, 'Y');
  CHECK(court.answer("c", 0, 'X') == Lines{"execute j/0 x1"});
  CHECK(court.answer("d", 0, 'X') == Lines{"accept j/0 X [a=X b=Y c=X d=X] full 3 of 4", "quarantine b at j/0 Y!=X"});
}

TEST_CASE("quorum asks at once for as many as could make the leading result win") {
  Court court;
  CHECK(court.begin(VerifyMode::quorum, 1, 4) == Lines{"execute j/0 x4"});
  court.answer("a", 0, 'X');
  court.answer("b", 0, 'Y');
  court.answer("c", 0, 'Y');
  CHECK(court.answer("d", 0, 'Z') == Lines{"execute j/0 x2"});
  CHECK(court.answer("e", 0, 'Y').empty());
  CHECK(court.answer("f", 0, 'Y') ==
        Lines{"accept j/0 Y [a=X b=Y c=Y d=Z e=Y f=Y] quorum 4 of 6", "quarantine a at j/0 X!=Y", "quarantine d at j/0 Z!=Y"});
}

TEST_CASE("a shard that nobody agrees on is given up at the limit, and nobody is accused") {
  Court court;
  court.verifier = make_duplication_verifier({.max_executions = 4});
  court.begin(VerifyMode::full, 1, 2);
  court.answer("a", 0, 'A');
  court.answer("b", 0, 'B');
  CHECK(court.answer("c", 0, 'C') == Lines{"execute j/0 x1"});
  CHECK(court.answer("d", 0, 'D') == Lines{"undecided j/0 [a=A b=B c=C d=D] full undecided: no 2 of 4 agree"});
  CHECK(court.answer("e", 0, 'A').empty());
}

TEST_CASE("the limit also bounds what quorum asks for at once") {
  Court court;
  court.verifier = make_duplication_verifier({.max_executions = 5});
  court.begin(VerifyMode::quorum, 1, 4);
  for (const auto* agent : {"a", "b", "c"}) court.answer(agent, 0, *agent);
  CHECK(court.answer("d", 0, 'd') == Lines{"execute j/0 x1"});
  CHECK(court.answer("e", 0, 'e').front().starts_with("undecided j/0"));
}

TEST_CASE("an agent's second answer for a shard changes nothing") {
  Court court;
  court.begin(VerifyMode::full, 1, 2);
  court.answer("a", 0, 'X');
  CHECK(court.answer("a", 0, 'X').empty());
  CHECK(court.answer("a", 0, 'Y').empty());
  CHECK(court.answer("b", 0, 'X') == Lines{"accept j/0 X [a=X b=X] full 2 of 2"});
  CHECK(court.answer("a", 0, 'Y').empty());
}

TEST_CASE("answers for unknown jobs and shards change nothing") {
  Court court;
  CHECK(court.answer("a", 0, 'X').empty());
  court.begin(VerifyMode::none, 1);
  CHECK(court.answer("a", 1, 'X').empty());
  CHECK(court.begin(VerifyMode::none, 5).empty());  // It runs already.
  court.verifier->end(JobId("j"));
  CHECK(court.answer("a", 0, 'X').empty());
  CHECK(court.verifier->explain({JobId("j"), 0}).empty());
  court.verifier->end(JobId("j"));
}

TEST_CASE("the unsettled answers of an agent put in quarantine are executed again in all jobs, what was accepted stays") {
  Court court;
  court.begin(VerifyMode::full, 3, 2, 0, "first");
  court.begin(VerifyMode::quorum, 2, 2, 0, "second");
  court.answer("liar", 2, 'X', "first");
  court.answer("liar", 0, 'X', "first");
  court.answer("liar", 1, 'X', "second");
  court.answer("liar", 1, 'X', "first");
  court.answer("honest", 1, 'X', "first");  // Accepted.
  CHECK(court.quarantine("liar") == Lines{"execute first/0 x1", "execute first/2 x1", "execute second/1 x1"});
  CHECK(court.quarantine("liar").empty());
  CHECK(court.answer("honest", 0, 'Y', "first").empty());
  CHECK(court.answer("other", 0, 'Y', "first") == Lines{"accept first/0 Y [liar=X honest=Y other=Y] full 2 of 3"});
}

TEST_CASE("losing in one job discards the agent's answers in the others at once") {
  Court court;
  court.begin(VerifyMode::full, 1, 2, 0, "first");
  court.begin(VerifyMode::full, 1, 2, 0, "second");
  court.answer("liar", 0, 'L', "second");
  court.answer("liar", 0, 'L', "first");
  CHECK(court.answer("b", 0, 'X', "first") == Lines{"execute first/0 x1"});
  CHECK(court.answer("c", 0, 'X', "first") ==
        Lines{"accept first/0 X [liar=L b=X c=X] full 2 of 3", "quarantine liar at first/0 L!=X", "execute second/0 x1"});
}

TEST_CASE("a liar caught in one job no longer counts in a dispute of another, which then catches the next liar") {
  Court court;
  court.begin(VerifyMode::quorum, 1, 2, 0, "first");
  court.begin(VerifyMode::spotcheck, 1, 2, 1.0, "second");
  // The second job's shard waits for a tie-breaker between two liars.
  court.answer("l1", 0, 'L', "second");
  CHECK(court.answer("l2", 0, 'M', "second") == Lines{"execute second/0 x1"});
  court.answer("l1", 0, 'L', "first");
  CHECK(court.answer("a", 0, 'X', "first") == Lines{"execute first/0 x1"});
  CHECK(court.answer("b", 0, 'X', "first") ==
        Lines{"accept first/0 X [l1=L a=X b=X] quorum 2 of 3", "quarantine l1 at first/0 L!=X"});
  CHECK(court.answer("a", 0, 'X', "second") == Lines{"execute second/0 x1"});
  CHECK(court.answer("b", 0, 'X', "second") ==
        Lines{"accept second/0 X [l1=L l2=M a=X b=X] spotcheck checked 2 of 4", "quarantine l2 at second/0 M!=X"});
}

TEST_CASE("an answer of an agent that is in quarantine already is kept as evidence and replaced") {
  Court court;
  court.begin(VerifyMode::full, 1, 2);
  court.quarantine("liar");
  CHECK(court.answer("liar", 0, 'X') == Lines{"execute j/0 x1"});
  CHECK(court.answer("a", 0, 'X').empty());
  CHECK(court.answer("b", 0, 'X') == Lines{"accept j/0 X [liar=X a=X b=X] full 2 of 3"});
}

TEST_CASE("a different answer that comes after two agreed puts its agent in quarantine") {
  Court court;
  court.begin(VerifyMode::full, 1, 2);
  court.answer("a", 0, 'X');
  court.answer("b", 0, 'X');
  CHECK(court.answer("c", 0, 'X').empty());
  CHECK(court.answer("late", 0, 'Y') == Lines{"quarantine late at j/0 Y!=X"});
}

TEST_CASE("spotcheck holds the unchecked shards back until the checked ones are decided, then releases them in order") {
  Court court;
  const auto asked = court.begin(VerifyMode::spotcheck, 4, 2, 0.25);
  REQUIRE(asked.size() == 4);
  std::uint32_t checked = 4;
  for (std::uint32_t i = 0; i < 4; ++i)
    if (asked[i].ends_with("x2")) checked = i;
  REQUIRE(checked < 4);
  Lines released;
  for (std::uint32_t i = 4; i-- > 0;) {
    if (i == checked) continue;
    CHECK(court.answer("a", i, 'X').empty());
    CHECK(court.verifier->explain({JobId("j"), i}).find("held back") != std::string::npos);
  }
  for (std::uint32_t i = 0; i < 4; ++i)
    if (i != checked)
      released.push_back("accept j/" + std::to_string(i) + " X [a=X] spotcheck unchecked, 1 of 4 shards checked");
  CHECK(court.answer("b", checked, 'X').empty());
  released.insert(released.begin(), "accept j/" + std::to_string(checked) + " X [b=X c=X] spotcheck checked 2 of 2");
  CHECK(court.answer("c", checked, 'X') == released);
}

TEST_CASE("what an agent caught by a spot check returned before is executed again before anything rests on it") {
  Court court;
  const auto asked = court.begin(VerifyMode::spotcheck, 3, 2, 0.1);
  std::uint32_t checked = 3;
  for (std::uint32_t i = 0; i < 3; ++i)
    if (asked[i].ends_with("x2")) checked = i;
  REQUIRE(checked < 3);
  const std::uint32_t one = checked == 0 ? 1 : 0, two = checked == 2 ? 1 : 2;
  const auto name = [](std::uint32_t shard) { return "j/" + std::to_string(shard); };
  court.answer("liar", one, 'L');
  court.answer("a", two, 'X');
  court.answer("liar", checked, 'L');
  court.answer("a", checked, 'X');
  CHECK(court.answer("b", checked, 'X') ==
        Lines{"accept " + name(checked) + " X [liar=L a=X b=X] spotcheck checked 2 of 3",
              "quarantine liar at " + name(checked) + " L!=X", "execute " + name(one) + " x1",
              "accept " + name(two) + " X [a=X] spotcheck unchecked, 1 of 3 shards checked"});
  CHECK(court.answer("b", one, 'X') ==
        Lines{"accept " + name(one) + " X [liar=L b=X] spotcheck unchecked, 1 of 3 shards checked"});
}

TEST_CASE("an unchecked shard that happens to be answered twice is compared, before anything rests on the two") {
  Court court;
  const auto asked = court.begin(VerifyMode::spotcheck, 3, 2, 0.1);
  std::vector<std::string> unchecked;
  std::vector<std::uint32_t> index;
  for (std::uint32_t i = 0; i < 3; ++i)
    if (asked[i].ends_with("x1")) {
      unchecked.push_back("j/" + std::to_string(i));
      index.push_back(i);
    }
  REQUIRE(unchecked.size() == 2);
  court.answer("liar", index[0], 'L');
  court.answer("liar", index[1], 'L');
  CHECK(court.answer("late", index[1], 'X') == Lines{"execute " + unchecked[1] + " x1"});
  CHECK(court.answer("a", index[1], 'X') == Lines{"accept " + unchecked[1] + " X [liar=L late=X a=X] spotcheck 2 of 3",
                                                  "quarantine liar at " + unchecked[1] + " L!=X",
                                                  "execute " + unchecked[0] + " x1"});
}

TEST_CASE("spotcheck checks the asked-for part of the shards, at least one, none at ratio 0, all at 1") {
  const auto checks = [](std::uint32_t shards, double ratio, std::uint8_t secret) {
    Court court;
    Lines checked;
    for (const auto& line : court.begin(VerifyMode::spotcheck, shards, 2, ratio, "j", secret))
      if (line.ends_with("x2")) checked.push_back(line);
    return checked;
  };
  CHECK(checks(50, 0, 1).empty());
  CHECK(checks(50, 0.0001, 1).size() == 1);
  CHECK(checks(30, 0.1, 1).size() == 3);
  CHECK(checks(30, 0.11, 1).size() == 4);
  CHECK(checks(50, 1, 1).size() == 50);
  CHECK(checks(0, 0.5, 1).empty());
  CHECK(checks(1000, 0.1, 1) == checks(1000, 0.1, 1));
  CHECK(checks(1000, 0.1, 1) != checks(1000, 0.1, 2));  // Only the secret tells which.
}

TEST_CASE("spotcheck with ratio 0 holds nothing back") {
  Court court;
  court.begin(VerifyMode::spotcheck, 2, 2, 0);
  CHECK(court.answer("a", 0, 'X') == Lines{"accept j/0 X [a=X] spotcheck unchecked, 0 of 2 shards checked"});
}

TEST_CASE("explain tells how a shard stands and who returned what") {
  Court court;
  court.begin(VerifyMode::full, 1, 2);
  CHECK(court.verifier->explain({JobId("j"), 0}) ==
        "shard j/0 (full): waiting for 2 executions: 0 of 0 answers that count agree, 2 must");
  court.answer("a", 0, 'X');
  court.answer("liar", 0, 'Y');
  court.answer("b", 0, 'X');
  const std::string text = court.verifier->explain({JobId("j"), 0});
  CHECK(text.starts_with("shard j/0 (full): accepted with sha256:5858585858585858… (full 2 of 3)\n"));
  CHECK(
      text.find("liar returned sha256:5959595959595959… under lease of-liar, not what was accepted, agent is in quarantine") !=
      std::string::npos);
  CHECK(court.verifier->explain({JobId("j"), 1}).empty());
}
