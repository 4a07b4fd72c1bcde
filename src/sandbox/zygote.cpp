#include "sandbox/zygote.hpp"

#include "sandbox/zygote_process.hpp"

#include <unistd.h>

#include <cerrno>
#include <sstream>
#include <utility>

namespace forgepool::sandbox {
namespace {

/// Every id of the agent's user namespace, under the same number.
std::string whole_map(const std::string& own_map) {
  std::istringstream lines(own_map);
  std::ostringstream map;
  std::uint64_t first = 0, outside = 0, count = 0;
  while (lines >> first >> outside >> count) map << first << " " << first << " " << count << "\n";
  return map.str();
}

std::string one_id(std::uint32_t id) {
  return std::to_string(id) + " " + std::to_string(id) + " 1";
}

}  // namespace

Zygote::Zygote(int init_image, std::string uid_map, std::string gid_map, bool own_only)
    : init_image_(init_image), uid_map_(whole_map(uid_map)), gid_map_(whole_map(gid_map)), own_only_(own_only) {}

Zygote::~Zygote() {
  if (host_ != ::getpid()) static_cast<void>(process_.release());
}

OrderedBox Zygote::order(const LaunchInput& input) {
  const std::lock_guard lock(mutex_);
  const auto start = [this](IdMaps maps) {
    process_.reset();
    process_ = std::make_unique<ZygoteProcess>(init_image_, maps);
    host_ = ::getpid();
  };
  // A fork has no thread to end, and its boxes would be another process's children. It begins anew.
  if (process_ && host_ != ::getpid()) static_cast<void>(process_.release());
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!process_) {
      const IdMaps own{one_id(geteuid()), one_id(getegid()), true};
      start(own_only_ ? own : IdMaps{uid_map_, gid_map_});
      if (!own_only_ && process_->failure().step == BoxStep::map_identity) start(own);
    }
    if (process_->failure()) {
      OrderedBox failed(process_->failure(), process_->reason());
      process_.reset();
      return failed;
    }
    UniqueFd control;
    if (process_->order(input, control)) return OrderedBox(std::move(control));
    if (!control) return OrderedBox({BoxStep::control_socket, errno});
    process_.reset();
  }
  return OrderedBox({BoxStep::start_init, 0}, "the process that boxes are made from has ended twice");
}

Launched Zygote::launch(OrderedBox ordered, const LaunchInput& input) {
  Launched launched;
  if (ordered.complete(input, launched)) return launched;
  launched = {};
  if (order(input).complete(input, launched)) return launched;
  launched = {};
  launched.failure.step = BoxStep::start_init;
  launched.reason = "the process that boxes are made from has ended twice";
  return launched;
}

}  // namespace forgepool::sandbox
