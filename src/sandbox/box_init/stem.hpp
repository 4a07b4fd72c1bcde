#pragma once
/// The stem of a strict box: a process in which all is prepared that is the same in every run of the box (the program loaded,
/// limited, and behind its filter), and which never runs it. The process of each run is forked from it. That takes a fraction
/// of the time of preparing one, and what a run does to its memory it does to a copy of its own.
///
/// A program cannot reach the stem, although both have the same user: no signal and no question gets to its number
/// (strict/strict_filter.cpp), and they share no memory, no descriptors and no process group. The stem runs our code alone. It
/// keeps one capability, that of choosing the number of a process, which its forks give up.
///
/// A box for one run alone does without: what would be its stem, without that capability, becomes the process of the run.
#include "sandbox/box_init/program.hpp"

namespace forgepool::sandbox::box_init {

struct Stem {
  BoxFailure failure;
  long pid = -1;
  long listener = -1;  ///< Of the filter that it and its forks have.
  long ready = -1;     ///< The event by which it says that it takes orders.
  long orders = -1;    ///< The pipe by which it gets them.
};

/// Forks it; it prepares itself.
Stem start_stem(const PlanView& view);

/// Returns when it takes orders, or could not get that far.
void wait_for_stem(Stem& stem);

/// Has it fork (or become) the process of the next run: our child, with the number strict::program_pid, which waits for its run
/// on the control socket. The root must be complete, and the last run's process gone; the stem need not be ready.
/// `input_folder` is a writable way into /in.
BoxFailure order_program(const Stem& stem, long input_folder);

}  // namespace forgepool::sandbox::box_init
