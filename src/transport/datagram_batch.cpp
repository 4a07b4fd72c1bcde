#include "transport/datagram_batch.hpp"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <cstring>

namespace forgepool::transport {
namespace {

template <class T>
T read_control(const cmsghdr* header) {
  T value;
  std::memcpy(&value, CMSG_DATA(header), sizeof value);
  return value;
}

template <class T>
void add_control(msghdr& message, int level, int type, const T& value) {
  auto* const header = reinterpret_cast<cmsghdr*>(static_cast<char*>(message.msg_control) + message.msg_controllen);
  message.msg_controllen += CMSG_SPACE(sizeof value);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(header), &value, sizeof value);
}

}  // namespace

MessageInfo message_info(msghdr& message, std::uint16_t local_port) {
  MessageInfo info;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == SOL_UDP && header->cmsg_type == UDP_GRO) {
      const int size = read_control<int>(header);
      info.segment_bytes = size > 0 ? static_cast<std::size_t>(size) : 0;
    } else if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr = read_control<in_pktinfo>(header).ipi_addr;
      info.destination = SocketAddress::from(reinterpret_cast<const sockaddr*>(&address), sizeof address);
      info.destination.set_port(local_port);
    } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      sockaddr_in6 address{};
      address.sin6_family = AF_INET6;
      address.sin6_addr = read_control<in6_pktinfo>(header).ipi6_addr;
      info.destination = SocketAddress::from(reinterpret_cast<const sockaddr*>(&address), sizeof address);
      info.destination.set_port(local_port);
    }
  }
  return info;
}

void fill_message(msghdr& message, iovec& data, ControlSpace& control, const SocketAddress& to, const SocketAddress& source,
                  std::size_t segment_bytes) {
  message = {};
  if (to.size() != 0) {
    message.msg_name = const_cast<sockaddr*>(to.data());  // The kernel reads it only.
    message.msg_namelen = to.size();
  }
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  if (segment_bytes != 0) add_control(message, SOL_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(segment_bytes));
  if (source.family() == AF_INET && !source.is_wildcard()) {
    in_pktinfo info{};
    info.ipi_spec_dst = reinterpret_cast<const sockaddr_in*>(source.data())->sin_addr;
    add_control(message, IPPROTO_IP, IP_PKTINFO, info);
  } else if (source.family() == AF_INET6 && !source.is_wildcard()) {
    in6_pktinfo info{};
    info.ipi6_addr = reinterpret_cast<const sockaddr_in6*>(source.data())->sin6_addr;
    add_control(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
  if (message.msg_controllen == 0) message.msg_control = nullptr;
}

}  // namespace forgepool::transport
