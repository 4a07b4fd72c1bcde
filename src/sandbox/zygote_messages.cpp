#include "sandbox/zygote_messages.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace forgepool::sandbox {

bool send_with_descriptors(int socket, const void* content, std::size_t size, const std::vector<int>& fds) {
  iovec part{const_cast<void*>(content), size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * max_equipment_fds)] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
  auto* rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
  std::memcpy(CMSG_DATA(rights), fds.data(), sizeof(int) * fds.size());
  ssize_t sent;
  do sent = ::sendmsg(socket, &header, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(size);
}

bool receive_started(int socket, BoxStarted& started, UniqueFd& process) {
  iovec part{&started, sizeof started};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t got;
  do got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  const auto* rights = CMSG_FIRSTHDR(&header);
  if (rights && rights->cmsg_type == SCM_RIGHTS && rights->cmsg_len == CMSG_LEN(sizeof(int))) {
    int number;
    std::memcpy(&number, CMSG_DATA(rights), sizeof number);
    process = UniqueFd(number);
  }
  return got == sizeof started;
}

}  // namespace forgepool::sandbox
