#include "base/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

namespace forgepool {
namespace {

/// How many calls a thread takes at a time. Starting a thread for fewer costs more than it gains.
constexpr std::size_t portion = 8;

}  // namespace

void for_each_until(std::size_t count, const std::function<bool(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0, end = count;
  std::mutex mutex;
  std::exception_ptr thrown;  // Guarded by mutex.

  const auto stop_at = [&](std::size_t number) {
    for (std::size_t known = end; number < known && !end.compare_exchange_weak(known, number);) {
    }
  };
  // `end` only falls: whatever is below it when all have ended was below it all the time, and was called.
  const auto take_portions = [&] {
    for (std::size_t first; (first = next.fetch_add(portion)) < end;)
      for (std::size_t i = first; i < first + portion && i < end; ++i) {
        try {
          if (!work(i)) stop_at(i);
        } catch (...) {
          const std::lock_guard lock(mutex);
          thrown = std::current_exception();
          stop_at(0);
        }
      }
  };

  const std::size_t wanted = std::min<std::size_t>(std::thread::hardware_concurrency(), (count + portion - 1) / portion);
  {
    std::vector<std::jthread> others;
    try {
      while (others.size() + 1 < wanted) others.emplace_back(take_portions);
    } catch (const std::system_error&) {  // No more threads to be had: those that there are do it all.
    }
    take_portions();
  }
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace forgepool
