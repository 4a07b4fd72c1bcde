#pragma once
// Comparing things on a machine that also does other work: measured in turn, round by round, and rounds in which others took
// the processors are thrown away.
#include <functional>
#include <string>
#include <vector>

namespace bench {

struct Contestant {
  std::string name;
  std::function<void()> run;
  unsigned every = 1;  ///< Takes part in every n-th round.
  std::vector<double> us{};

  double median() const;
};

/// Until the first contestant has been measured `rounds` times undisturbed, or `budget_s` seconds have passed. Between two
/// measurements everything rests, so that what one leaves to the kernel to clean up is not the next one's cost. If too few
/// rounds were undisturbed, all are used. The number of rounds thrown away.
unsigned compete(std::vector<Contestant>& contestants, unsigned rounds, double budget_s);

/// On a machine that is busy with other things, this thread and what it starts from now on go before most others, until
/// destruction. All contestants alike; figures are then less precise, but about the contestants.
class GoFirst {
 public:
  GoFirst();
  GoFirst(const GoFirst&) = delete;
  GoFirst& operator=(const GoFirst&) = delete;
  ~GoFirst();
  bool needed_and_granted() const { return granted_; }

 private:
  bool granted_ = false;
};

double median_of(std::vector<double> values);
double now_us();

}  // namespace bench
