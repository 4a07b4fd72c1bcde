#pragma once
/// The little that the box's first process needs of a run-time library. It has no C library: nothing of it is left in the box
/// but a few pages, it starts in microseconds, and all that it can do is what stands in this folder.
#include "sandbox/box_plan.hpp"
#include "sandbox/system_call.hpp"

#include <cstddef>

namespace forgepool::sandbox::box_init {

/// errno of EINTR; <errno.h> belongs to the C library.
constexpr long interrupted = 4;

[[noreturn]] inline void exit_process(int code) {
  for (;;) system_call(__NR_exit_group, code);
}

inline BoxFailure check(long result, BoxStep step) {
  if (!failed(result)) return {};
  return {step, static_cast<std::int32_t>(-result)};
}

/// Pointers into the plan.
class PlanView {
 public:
  explicit PlanView(char* base) : base_(base) {}

  BoxPlan& plan() const { return *reinterpret_cast<BoxPlan*>(base_); }
  template <class Value = char>
  Value* at(PlanOffset offset) const {
    return reinterpret_cast<Value*>(base_ + offset);
  }
  /// Turns a list of offsets into the list of pointers that exec takes, in place.
  char** strings(PlanOffset list) const {
    auto* entry = at<PlanOffset>(list);
    for (; *entry != 0; ++entry) *entry += reinterpret_cast<std::uintptr_t>(base_);
    return at<char*>(list);
  }

 private:
  char* base_;
};

std::size_t length_of(const char* text);

}  // namespace forgepool::sandbox::box_init
