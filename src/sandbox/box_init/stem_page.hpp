#pragma once
/// A page that the box's first process, the stem and the process of a run see alike, until the run's program begins.
#include "sandbox/box_init/runtime.hpp"
#include "sandbox/strict/layout.hpp"

namespace forgepool::sandbox::box_init {

struct StemPage {
  BoxFailure failure;     ///< Of the stem, or of a run's process before its program begins.
  std::int64_t listener;  ///< Of the filter.
  RunMessage large_run;   ///< What the first process is to unpack. No size: nothing.
  std::uint8_t seed[32];  ///< What it has found there.
};

inline StemPage& stem_page() {
  return *reinterpret_cast<StemPage*>(strict::shared_address);
}

/// To the stem: a process for the next run.
struct StemOrder {
  std::int32_t input_folder;  ///< A writable way into /in.
};

/// In the stem and its forks.
[[noreturn]] inline void fail_in_stem(BoxFailure failure) {
  stem_page().failure = failure;
  exit_process(1);
}

inline void require(long result, BoxStep step) {
  if (auto failure = check(result, step)) fail_in_stem(failure);
}

}  // namespace forgepool::sandbox::box_init
