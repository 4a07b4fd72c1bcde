#include "hub/due_queue.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;
using forgepool::hub::DueQueue;

namespace {

Time at(int seconds) {
  return Time(std::chrono::seconds(seconds));
}

}  // namespace

TEST_CASE("what is due comes in the order of its time, and what was moved or taken out does not") {
  DueQueue<int> queue;
  CHECK_FALSE(queue.next());
  queue.set(1, at(30));
  queue.set(2, at(10));
  queue.set(3, at(20));
  queue.set(4, at(5));
  CHECK(queue.next() == at(5));
  queue.set(4, at(40));
  queue.erase(3);
  queue.erase(7);
  CHECK(queue.next() == at(10));
  CHECK(queue.due(at(9)).empty());
  CHECK(queue.due(at(30)) == std::vector<int>{2, 1});
  CHECK(queue.take_due(at(30)) == std::vector<int>{2, 1});
  CHECK(queue.take_due(at(100)) == std::vector<int>{4});
  CHECK_FALSE(queue.next());
}

// Each of these had to look at all others once, which would not end here.
TEST_CASE("half a million keys are set, moved and taken") {
  DueQueue<int> queue;
  constexpr int count = 500'000;
  for (int i = 0; i < count; ++i) queue.set(i, at(count - i));
  for (int i = 0; i < count; ++i) queue.set(i, at(i));
  for (int i = 1; i < count; i += 2) queue.erase(i);
  CHECK(queue.next() == at(0));
  CHECK(queue.take_due(at(count)).size() == count / 2);
}
