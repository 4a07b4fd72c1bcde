#pragma once
/// Messages with descriptors, as the kernel takes them (<sys/socket.h> belongs to the C library).
#include "sandbox/box_init/runtime.hpp"

#include <linux/uio.h>

namespace forgepool::sandbox::box_init {

constexpr int rights_message = 1;   // SCM_RIGHTS
constexpr int socket_level = 1;     // SOL_SOCKET
constexpr int no_sigpipe = 0x4000;  // MSG_NOSIGNAL

struct Message {
  void* name;
  std::uint32_t name_size;
  iovec* parts;
  std::size_t part_count;
  void* control;
  std::size_t control_size;
  std::uint32_t flags;
};

/// As many descriptors as one of our messages can have.
template <int most>
struct RightsMessage {
  std::size_t size;
  int level;
  int type;
  int fds[most];
};

constexpr std::size_t rights_size(int fd_count) {
  return sizeof(std::size_t) + 2 * sizeof(int) + sizeof(int) * static_cast<std::size_t>(fd_count);
}

/// The kernel's result.
template <int count, class Content>
long send_message(int socket, const Content& content, const int* fds) {
  Content copy = content;
  iovec part{&copy, sizeof copy};
  RightsMessage<count> rights{rights_size(count), socket_level, rights_message, {}};
  Message message{};
  message.parts = &part;
  message.part_count = 1;
  if (fds) {
    for (int i = 0; i < count; ++i) rights.fds[i] = fds[i];
    message.control = &rights;
    message.control_size = sizeof rights;
  }
  return system_call(__NR_sendmsg, socket, &message, no_sigpipe);
}

/// Blocks. The kernel's result; what came with it is in `rights`.
template <int most, class Content>
long receive_message(int socket, Content& content, RightsMessage<most>& rights) {
  iovec part{&content, sizeof content};
  rights = {};
  Message message{};
  message.parts = &part;
  message.part_count = 1;
  message.control = &rights;
  message.control_size = sizeof rights;
  long got;
  do got = system_call(__NR_recvmsg, socket, &message, 0);
  while (got == -interrupted);
  return got;
}

/// How many descriptors came.
template <int most>
int fd_count(const RightsMessage<most>& rights) {
  if (rights.type != rights_message || rights.size < rights_size(0)) return 0;
  return static_cast<int>((rights.size - rights_size(0)) / sizeof(int));
}

}  // namespace forgepool::sandbox::box_init
