#pragma once
/// How sure a result is: the mathematics behind ShardVerdict::error_bound, as pure functions, so that an auditor computes with
/// the same formulas as the hub. After L. F. G. Sarmenta, "Sabotage-tolerance mechanisms for volunteer computing systems",
/// Future Generation Computer Systems 18 (2002), sections 4 and 5; where they differ from it, they are derived here.
///
/// The adversary: every agent is a cheater with probability f, independently of the others. What a bound says is a rate: of all
/// results accepted with such evidence, at most this part is wrong, in expectation.
///
/// **Without collusion** a cheater lies with each of its answers with a probability s, 0 ≤ s ≤ 1, that is its own and unknown,
/// and does not know who else has the shard, nor which of its answers are compared. Wrong answers may well be equal.
///  - An agent that passed k comparisons ("checks") is a cheater and lied with another given answer with probability
///
///        f s (1−s)^k / ((1−f) + f (1−s)^k)  ≤  f/(1−f) · max_s s (1−s)^k  =  f/(1−f) · k^k/(k+1)^(k+1)  ≈  f/((1−f) e k).
///
///    The maximum is at s = 1/(k+1): no rate of lying does better. Checks after the answer count like those before it.
///  - Answers of agents 1 … m that agree, and that nobody contradicts, are wrong with probability Πp / (Πp + Π(1−p)), where p
///    are the agents' bounds above: all of them lied, or none.
///  - If others contradict them, some a of the n answers must all be lies: at most C(n, a) Πp; or the walk below, if that is
///  less.
/// **With collusion** cheaters know who has which shard, and lie only where that is safe. What they did before proves nothing.
/// Answers are then steps of a random walk, right with probability ≥ 1−f: that the wrong result is ahead by d = (answers for
/// it) − (answers against it) before the right one is, has probability r^d / (1 + r^d), r = f/(1−f) (gambler's ruin). At f =
/// 0.2, ε = 10⁻⁶ takes 10 agreeing agents, and nothing does at f ≥ 0.5.
///
/// Not covered by the first kind: a cheater that behaves for as long as it is checked often, and lies later. It cannot be: who
/// lies once in its life with an answer that is compared with probability q gets through with 1−q. What holds against it is
/// that nothing decays: answers are compared at a rate that never falls below the contract's, so it is caught after (1−q)/q
/// wrong results in expectation (`expected_lies`), and then it is out.
#include <forgepool/contract.hpp>

#include <span>

namespace forgepool {

/// What is known of an agent when it answered.
struct AgentTrust {
  std::uint64_t checks =
      0;  ///< Its answers that were compared with others' (or with known ones) and agreed, one after another.
  bool on_probation = false;  ///< It was caught once, and let in again: a cheater with probability 1/2 to begin with.

  friend bool operator==(const AgentTrust&, const AgentTrust&) = default;
};

/// P(the agent's answer is a lie); without collusion. At most f, or 1/2 on probation.
FORGEPOOL_API double lie_bound(const Adversary& adversary, const AgentTrust& agent);
/// How many checks an agent must have passed until one answer of it alone is enough. UINT64_MAX with collusion.
FORGEPOOL_API std::uint64_t checks_needed(const Adversary& adversary, double max_error);
/// P(the result is wrong): `support` are the agents that returned it, one per operator, `against` is how many others answered
/// differently. 1 if nobody supports it.
FORGEPOOL_API double error_bound(const Adversary& adversary, std::span<const AgentTrust> support, std::uint32_t against);
/// How far ahead a result must be for r^d / (1 + r^d) ≤ max_error: the agents it takes with collusion.
FORGEPOOL_API std::uint32_t lead_needed(const Adversary& adversary, double max_error);
/// How many wrong results an agent gets accepted before it is caught, at most and in expectation, if `compared` (0 … 1) of its
/// answers are compared and it knows everything but which.
FORGEPOOL_API double expected_lies(double compared);

}  // namespace forgepool
