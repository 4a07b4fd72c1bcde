#pragma once
// A job's progress: a live bar on a terminal, plain lines anywhere else. On standard error, so that standard output stays
// clean.
#include <forgepool/job.hpp>

namespace forgepool_cli {

class Progress {
 public:
  Progress();
  void update(const forgepool::JobStatus& status);
  void finish();

 private:
  const bool live_;
  bool drawn_ = false;
  std::size_t caught_shown_ = 0;
  std::uint32_t tenths_shown_ = 0;
  std::string reason_shown_;
};

}  // namespace forgepool_cli
