#include "sandbox/bubblewrap_launch.hpp"

#include "sandbox/box_init_image.hpp"
#include "sandbox/limits.hpp"
#include "sandbox/system_call.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace forgepool::sandbox {
namespace {

struct Move {
  int from;
  int to;
};

/// A file in memory from its beginning on: bwrap reads it by descriptor.
UniqueFd memory_file(ByteView content) {
  UniqueFd file(::memfd_create("forgepool-input", MFD_CLOEXEC));
  while (file && !content.empty()) {
    const auto written = ::write(file.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return {};
    content = content.subspan(static_cast<std::size_t>(written));
  }
  if (file) ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

bool lift_above(std::vector<Move>& moves, int top) {
  for (auto& move : moves)
    if (move.from = ::fcntl(move.from, F_DUPFD_CLOEXEC, top); move.from < 0) return false;
  return true;
}

/// In the child, which is a copy of a process with many threads: system calls only.
[[noreturn]] void become_bubblewrap(const char* program, char* const* arguments, const BoxIdentity& identity,
                                    std::vector<Move>& moves, int top) {
  char* const no_environment[] = {nullptr};
  // Where limits are counted per user, root has none.
  const bool changed =
      identity.own || (!failed(system_call(__NR_setgroups, 0, 0)) &&
                       !failed(system_call(__NR_setresgid, identity.host_group, identity.host_group, identity.host_group)) &&
                       !failed(system_call(__NR_setresuid, identity.host_user, identity.host_user, identity.host_user)));
  bool ready = changed && lift_above(moves, top) && !failed(system_call(__NR_close_range, 0, top - 1, 0));
  for (const auto& move : moves) ready = ready && ::dup2(move.from, move.to) >= 0;
  ready = ready && !failed(system_call(__NR_close_range, top, ~0u, CLOSE_RANGE_CLOEXEC));
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (ready) ::execve(program, arguments, no_environment);
  ::_exit(127);
}

bool pass_credentials(int socket, int on) {
  return ::setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0;
}

/// The first process's pid as we see it: the kernel attaches it to what it sends.
pid_t sender_of_greeting(int control) {
  char ready = 0;
  iovec part{&ready, 1};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(ucred))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = space;
  header.msg_controllen = sizeof space;
  if (::recvmsg(control, &header, MSG_DONTWAIT) != 1) return -1;
  const auto* message = CMSG_FIRSTHDR(&header);
  if (!message || message->cmsg_type != SCM_CREDENTIALS) return -1;
  ucred sender{};
  std::memcpy(&sender, CMSG_DATA(message), sizeof sender);
  return sender.pid;
}

UniqueFd open_process(pid_t pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

void wait_for_either(int first, int second) {
  pollfd fds[] = {{first, POLLIN, 0}, {second, POLLIN, 0}};
  while (::poll(fds, 2, -1) < 0 && errno == EINTR) {
  }
}

}  // namespace

std::vector<std::string> bubblewrap_arguments(const SandboxRequest& request, std::uint64_t init_bytes) {
  std::vector<std::string> list{"--unshare-user",       "--unshare-pid", "--unshare-net",     "--unshare-ipc", "--unshare-uts",
                                "--unshare-cgroup-try", "--new-session", "--die-with-parent", "--as-pid-1",    "--clearenv"};
  const auto add = [&list](std::initializer_list<std::string> more) { list.insert(list.end(), more); };
  add({"--uid", std::to_string(box_user), "--gid", std::to_string(box_group), "--hostname", surroundings::host_name, "--chdir",
       surroundings::working_folder});
  const auto add_tmpfs = [&](const char* where, std::uint64_t bytes) {
    add({"--size", std::to_string(bytes), "--perms", "0755", "--tmpfs", where});
  };
  add_tmpfs("/in", in_size(request).bytes);
  int fd = bubblewrap_file_fd;
  const auto add_file = [&](const char* permissions, const std::string& where) {
    add({"--perms", permissions, "--file", std::to_string(fd++), where});
  };
  for (const auto& file : request.files) add_file(file.executable ? "0555" : "0444", "/in/" + file.name);
  add({"--remount-ro", "/in"});
  add_tmpfs("/out", out_size(request.limits).bytes);
  add_tmpfs("/tmp", tmp_size(request.limits).bytes + whole_pages(init_bytes));
  add_file("0555", prepared_init_path);
  add({"--perms", "0755", "--dir", "/dev", "--dev-bind", "/dev/null", "/dev/null", "--remount-ro", "/", "--",
       prepared_init_path});
  return list;
}

struct BubblewrapLauncher {
  static Launched launch(const std::string& program, const LaunchInput& input, const SandboxRequest& request) {
    Launched launched;
    const auto give_up = [&](BoxStep step, int error, std::string reason = {}) {
      launched.failure = {step, error};
      launched.reason = std::move(reason);
      return std::move(launched);
    };
    if (request.files.size() > max_bubblewrap_files)
      return give_up(BoxStep::input_files, 0,
                     "more than " + std::to_string(max_bubblewrap_files) + " input files, which bwrap cannot take");
    int sockets[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) return give_up(BoxStep::control_socket, errno);
    launched.box.control_ = UniqueFd(sockets[0]);
    UniqueFd theirs(sockets[1]);
    if (!pass_credentials(sockets[0], 1)) return give_up(BoxStep::control_socket, errno);

    std::vector<UniqueFd> files;
    for (const auto& file : request.files) files.push_back(memory_file(*file.content));
    files.push_back(memory_file(box_init_image()));
    auto moves = moves_of(input, theirs.get(), files);
    for (const auto& file : files)
      if (!file) return give_up(BoxStep::input_files, errno);
    if (const int error = start(program, input, request, moves, launched.box); error != 0)
      return give_up(BoxStep::clone, error);
    theirs.reset();

    wait_for_either(launched.box.control_.get(), launched.box.parent_.get());
    const pid_t first = sender_of_greeting(launched.box.control_.get());
    if (first <= 0) return give_up(BoxStep::start_init, 0, "bwrap ended");
    // Later messages carry descriptors instead.
    if (!pass_credentials(sockets[0], 0)) return give_up(BoxStep::control_socket, errno);
    // It waits for our answer, so the pid is still its own.
    launched.box.process_ = open_process(first);
    if (!launched.box.process_) return give_up(BoxStep::start_init, errno);
    if (::send(launched.box.control_.get(), "g", 1, MSG_NOSIGNAL) != 1) return give_up(BoxStep::control_socket, errno);
    return launched;
  }

 private:
  static std::vector<Move> moves_of(const LaunchInput& input, int control, const std::vector<UniqueFd>& files) {
    std::vector<Move> moves{{input.standard_input, plan_stdin_fd},  {input.standard_output, plan_stdout_fd},
                            {input.standard_error, plan_stderr_fd}, {control, plan_control_fd},
                            {input.plan, plan_memory_fd},           {input.program_image, plan_program_fd}};
    int fd = bubblewrap_file_fd;
    for (const auto& file : files) moves.push_back({file.get(), fd++});
    return moves;
  }

  /// 0, or the errno.
  static int start(const std::string& program, const LaunchInput& input, const SandboxRequest& request,
                   std::vector<Move>& moves, Box& box) {
    auto texts = bubblewrap_arguments(request, box_init_image().size());
    texts.insert(texts.begin(), program);
    std::vector<char*> arguments;
    for (auto& text : texts) arguments.push_back(text.data());
    arguments.push_back(nullptr);
    const int top = moves.back().to + 1;

    // No handler of the host's may run in the child.
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t child = ::fork();
    if (child == 0) become_bubblewrap(program.c_str(), arguments.data(), input.identity, moves, top);
    const int error = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (child < 0) return error;
    box.parent_ = open_process(child);
    return box.parent_ ? 0 : errno;
  }
};

Launched launch_in_bubblewrap(const std::string& program, const LaunchInput& input, const SandboxRequest& request) {
  return BubblewrapLauncher::launch(program, input, request);
}

}  // namespace forgepool::sandbox
