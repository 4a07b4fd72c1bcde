#pragma once
/// The control messages and calls of recvmmsg and sendmmsg that a UdpSocket needs: what lies between it and the kernel.
#include "transport/socket_address.hpp"

#include <forgepool/bytes.hpp>

#include <functional>

namespace forgepool::transport {

/// What accompanied one received message.
struct MessageInfo {
  std::size_t segment_bytes = 0;  ///< GRO: size of each datagram in it. 0: it is one datagram.
  SocketAddress destination;      ///< No address unless asked for (IP_PKTINFO).
};
MessageInfo message_info(msghdr& message, std::uint16_t local_port);

/// Room for the control messages of one message in either direction.
struct ControlSpace {
  alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(64)];
};

/// Points `message` at its parts. `segment_bytes` 0: no segmentation. `source` without address: the kernel chooses.
void fill_message(msghdr& message, iovec& data, ControlSpace& control, const SocketAddress& to, const SocketAddress& source,
                  std::size_t segment_bytes);

}  // namespace forgepool::transport
