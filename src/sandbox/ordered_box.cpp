#include "sandbox/ordered_box.hpp"

#include "sandbox/zygote_messages.hpp"

#include <fcntl.h>

namespace forgepool::sandbox {
namespace {

UniqueFd open_mounts(pid_t pid) {
  const auto path = "/proc/" + std::to_string(pid) + "/ns/mnt";
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

}  // namespace

OrderedBox::~OrderedBox() {
  Launched unused;
  if (control_) await(unused);
}

bool OrderedBox::await(Launched& launched) {
  BoxStarted started;
  launched.box.control_ = std::move(control_);
  if (!receive_started(launched.box.control_.get(), started, launched.box.process_)) return false;
  launched.failure = started.failure;
  if (!started.failure) launched.box.mounts_ = open_mounts(started.pid);
  return true;
}

bool OrderedBox::complete(const LaunchInput& input, Launched& launched) {
  if (failure_) {
    launched.failure = failure_;
    launched.reason = reason_;
    return true;
  }
  std::vector<int> fds{input.standard_input, input.standard_output, input.standard_error, input.plan};
  fds.insert(fds.end(), input.join_fds.begin(), input.join_fds.end());
  fds.push_back(input.program_image);
  const BoxEquipment equipment{static_cast<std::uint32_t>(input.join_fds.size())};
  // If it is dead, its answer says so.
  static_cast<void>(send_with_descriptors(control_.get(), &equipment, sizeof equipment, fds));
  return await(launched);
}

}  // namespace forgepool::sandbox
