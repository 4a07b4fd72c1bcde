#pragma once
/// Independent work on several threads, with the outcome of doing it one piece after the other.
#include <cstddef>
#include <functional>
#include <future>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace forgepool {

/// Calls `work` with 0 … count - 1, on this thread and on as many more as the processor has use for; few calls stay on this
/// thread. Returns when all have ended. After a call has returned false, calls of higher numbers may be left out; those of
/// lower ones never are. `work` must be safe to call from several threads; of what it throws, one is thrown on here.
void for_each_until(std::size_t count, const std::function<bool(std::size_t)>& work);

/// `work(0)`, `work(1)`, …, which are `Result`s, in this order and up to the first error: whoever goes through them meets the
/// error that it would meet without threads.
template <class Work>
auto map_in_order(std::size_t count, const Work& work) {
  using Outcome = std::invoke_result_t<const Work&, std::size_t>;
  std::vector<std::optional<Outcome>> outcomes(count);
  for_each_until(count, [&](std::size_t i) { return outcomes[i].emplace(work(i)).has_value(); });
  std::vector<Outcome> in_order;
  in_order.reserve(count);
  for (auto& outcome : outcomes) {
    in_order.push_back(std::move(*outcome));
    if (!in_order.back()) break;
  }
  return in_order;
}

/// Both outcomes, of work that knows nothing of each other: the first perhaps on another thread, which ends before this
/// returns.
template <class There, class Here>
auto concurrently(There there, const Here& here) {
  // Deferred if there are no more threads to be had.
  auto other = std::async(std::launch::async | std::launch::deferred, std::move(there));
  auto own = here();
  return std::pair(other.get(), std::move(own));
}

}  // namespace forgepool
