/// Descriptors that stand for the random devices. Behind them is /dev/null; they have numbers from first_watched_fd on, so that
/// the filter lets all other reads pass unseen.
#include "sandbox/box_init/emulation/emulation.hpp"
#include "sandbox/box_init/emulation/file_identity.hpp"
#include "sandbox/box_init/emulation/gate.hpp"

#include <linux/fcntl.h>
#include <linux/uio.h>

namespace forgepool::sandbox::box_init {
namespace {

using strict::first_watched_fd;
using strict::world;

constexpr std::uint64_t non_blocking = O_NONBLOCK, by_signal = 020000;  // FASYNC
constexpr std::uint64_t max_parts = 1024;

bool is_watched(std::uint64_t fd) {
  return fd >= first_watched_fd && fd < static_cast<std::uint64_t>(first_watched_fd) + 32;
}

void mark(long fd, bool random) {
  if (!is_watched(static_cast<std::uint64_t>(fd))) return;
  const std::uint32_t bit = 1u << (fd - first_watched_fd);
  world().random_fds = random ? world().random_fds | bit : world().random_fds & ~bit;
}

long repeat(const TrappedCall& call) {
  const auto* a = call.argument;
  return gate_call(call.number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

long read_random(const TrappedCall& call) {
  const auto* a = call.argument;
  if (call.number == __NR_read || call.number == __NR_pread64) {
    constexpr std::uint64_t most = 1u << 25;  // As one read of the device.
    const auto size = a[2] < most ? a[2] : most;
    take_random(reinterpret_cast<void*>(a[1]), size);
    return static_cast<long>(size);
  }
  const auto* parts = reinterpret_cast<const iovec*>(a[1]);
  if (a[2] > max_parts) return -invalid;
  std::size_t total = 0;
  for (std::uint64_t i = 0; i < a[2]; ++i) {
    take_random(parts[i].iov_base, parts[i].iov_len);
    total += parts[i].iov_len;
  }
  return static_cast<long>(total);
}

/// `from` is random: where its copy goes must be watched.
long duplicate_random(long from, long target, long command) {
  long result;
  if (target < 0)
    result = gate_call(__NR_fcntl, from, command, first_watched_fd);
  else if (is_watched(static_cast<std::uint64_t>(target)))
    result = target == from ? from : gate_call(__NR_dup3, from, target, command == F_DUPFD_CLOEXEC ? O_CLOEXEC : 0);
  else
    return -too_many_files;
  if (!failed(result)) mark(result, true);
  return result;
}

long duplicate(const TrappedCall& call) {
  const auto* a = call.argument;
  const bool on_exec =
      call.number == __NR_dup3 ? (a[2] & O_CLOEXEC) != 0 : call.number == __NR_fcntl && a[1] == F_DUPFD_CLOEXEC;
  const bool to_target = call.number == __NR_dup2 || call.number == __NR_dup3;
  if (is_random_fd(a[0]))
    return duplicate_random(static_cast<std::int32_t>(a[0]), to_target ? static_cast<std::int32_t>(a[1]) : -1,
                            on_exec ? F_DUPFD_CLOEXEC : F_DUPFD);
  const long result = repeat(call);
  if (!failed(result)) mark(result, false);
  return result;
}

long control(const TrappedCall& call) {
  const auto* a = call.argument;
  switch (static_cast<std::uint32_t>(a[1])) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC: return duplicate(call);
    case F_SETFL:
      // Would turn the supervisor's speed into an error or a success.
      if (is_output_pipe_fd(static_cast<long>(a[0])))
        return gate_call(__NR_fcntl, a[0], a[1], a[2] & ~(non_blocking | by_signal));
      return repeat(call);
    default: return repeat(call);
  }
}

long close_some(const TrappedCall& call) {
  const auto* a = call.argument;
  const bool several = call.number == __NR_close_range;
  const auto last = several ? static_cast<std::uint32_t>(a[1]) : static_cast<std::uint32_t>(a[0]);
  const bool really = !several || static_cast<std::uint32_t>(a[2]) == 0;
  for (auto fd = static_cast<std::uint64_t>(first_watched_fd); really && fd < first_watched_fd + 32u; ++fd)
    if (fd >= static_cast<std::uint32_t>(a[0]) && fd <= last) mark(static_cast<long>(fd), false);
  return repeat(call);
}

}  // namespace

bool is_random_fd(std::uint64_t fd) {
  const auto number = static_cast<std::uint32_t>(fd);
  return is_watched(number) && (world().random_fds >> (number - first_watched_fd) & 1) != 0;
}

bool is_output_pipe(const strict::FileIdentity& file) {
  for (std::uint32_t i = 0; i < world().output_pipes; ++i)
    if (world().outputs[i] == file) return true;
  return false;
}

bool is_output_pipe_fd(long fd) {
  FileStatus status{};
  return gate_call(__NR_fstat, static_cast<std::int32_t>(fd), &status) == 0 && is_output_pipe({status.device, status.inode});
}

bool is_random_file(const strict::FileIdentity& file) {
  return world().random_files[0] == file || world().random_files[1] == file;
}

long emulate_descriptors(const TrappedCall& call) {
  switch (call.number) {
    case __NR_read:
    case __NR_readv:
    case __NR_pread64:
    case __NR_preadv: return is_random_fd(call.argument[0]) ? read_random(call) : repeat(call);
    case __NR_dup:
    case __NR_dup2:
    case __NR_dup3: return duplicate(call);
    case __NR_fcntl: return control(call);
    case __NR_close:
    case __NR_close_range: return close_some(call);
    default: return not_ours;
  }
}

}  // namespace forgepool::sandbox::box_init
