#include "transport/udp_socket.hpp"

#include "transport/datagram_batch.hpp"

#include <fcntl.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace forgepool::transport {
namespace {

// Deep enough for a whole congestion window of several connections: what the kernel drops here costs a retransmission.
constexpr int socket_buffer_bytes = 8 << 20;
constexpr std::size_t max_segments = 64;  // The kernel's limit (UDP_MAX_SEGMENTS of older kernels).

bool set_option(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

Result<int> open_socket(int family) {
  const int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(ErrorKind::unavailable, std::string("cannot open a UDP socket: ") + std::strerror(errno));
  return fd;
}

}  // namespace

Result<std::unique_ptr<UdpSocket>> UdpSocket::bind(EventLoop& loop, std::shared_ptr<PacketBuffers> buffers,
                                                   const SocketAddress& local, bool offload) {
  const auto fd = open_socket(local.family());
  if (!fd) return fail(fd.error());
  std::unique_ptr<UdpSocket> self(new UdpSocket(loop, std::move(buffers), *fd));
  if (::bind(*fd, local.data(), local.size()) != 0)
    return fail(ErrorKind::unavailable, "cannot listen on " + local.str() + ": " + std::strerror(errno));
  if (local.is_wildcard()) {
    // Answers must leave from the address that the peer called, or it does not recognise them.
    self->packet_info_ = local.family() == AF_INET ? set_option(*fd, IPPROTO_IP, IP_PKTINFO, 1)
                                                   : set_option(*fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  }
  self->configure(offload);
  return self;
}

Result<std::unique_ptr<UdpSocket>> UdpSocket::connect(EventLoop& loop, std::shared_ptr<PacketBuffers> buffers,
                                                      const SocketAddress& remote, bool offload) {
  const auto fd = open_socket(remote.family());
  if (!fd) return fail(fd.error());
  std::unique_ptr<UdpSocket> self(new UdpSocket(loop, std::move(buffers), *fd));
  if (::connect(*fd, remote.data(), remote.size()) != 0)
    return fail(ErrorKind::unavailable, "cannot reach " + remote.str() + ": " + std::strerror(errno));
  self->connected_ = true;
  self->configure(offload);
  return self;
}

std::unique_ptr<UdpSocket> UdpSocket::adopt(EventLoop& loop, std::shared_ptr<PacketBuffers> buffers, int fd) {
  std::unique_ptr<UdpSocket> self(new UdpSocket(loop, std::move(buffers), fd));
  self->connected_ = true;
  return self;
}

UdpSocket::~UdpSocket() {
  readable_watch_.reset();
  writable_watch_.reset();
  close(fd_);
  if (write_fd_ >= 0) close(write_fd_);
}

void UdpSocket::configure(bool offload) {
  socklen_t size = sizeof(sockaddr_in6);
  sockaddr_in6 name{};
  getsockname(fd_, reinterpret_cast<sockaddr*>(&name), &size);
  local_ = SocketAddress::from(reinterpret_cast<sockaddr*>(&name), size);
  for (const auto& [forced, plain] : {std::pair(SO_RCVBUFFORCE, SO_RCVBUF), std::pair(SO_SNDBUFFORCE, SO_SNDBUF)})
    if (!set_option(fd_, SOL_SOCKET, forced, socket_buffer_bytes)) set_option(fd_, SOL_SOCKET, plain, socket_buffer_bytes);
  // QUIC finds the path's MTU itself (RFC 9000, section 14): datagrams are never fragmented, whatever the kernel believes.
  if (local_.family() == AF_INET)
    set_option(fd_, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  else
    set_option(fd_, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
  segmentation_ = offload;
  if (offload) set_option(fd_, IPPROTO_UDP, UDP_GRO, 1);  // Without it datagrams just come one by one.
}

void UdpSocket::watch(std::function<void()> readable, std::function<void()> drained) {
  drained_ = std::move(drained);
  readable_watch_ = loop_.watch(fd_, Readiness::readable, std::move(readable));
}

UdpSocket::Received UdpSocket::receive(const Receiver& receiver) {
  constexpr std::size_t count = PacketBuffers::messages, bytes = PacketBuffers::message_bytes;
  std::array<mmsghdr, count> messages{};
  std::array<iovec, count> data;
  std::array<sockaddr_in6, count> names;
  std::array<ControlSpace, count> controls;
  for (std::size_t i = 0; i < count; ++i) {
    data[i] = {buffers_->receive.data() + i * bytes, bytes};
    msghdr& header = messages[i].msg_hdr;
    header.msg_name = &names[i];
    header.msg_namelen = sizeof names[i];
    header.msg_iov = &data[i];
    header.msg_iovlen = 1;
    header.msg_control = controls[i].bytes;
    header.msg_controllen = sizeof controls[i].bytes;
  }
  const int got = recvmmsg(fd_, messages.data(), count, MSG_DONTWAIT, nullptr);
  if (got < 0) return errno == ECONNREFUSED ? Received::unreachable : errno == EINTR ? Received::more : Received::all;
  for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
    msghdr& header = messages[i].msg_hdr;
    const SocketAddress from = SocketAddress::from(reinterpret_cast<const sockaddr*>(&names[i]), header.msg_namelen);
    const MessageInfo info = message_info(header, local_.port());
    const SocketAddress& to = info.destination.size() != 0 ? info.destination : local_;
    ByteView rest(buffers_->receive.data() + i * bytes, messages[i].msg_len);
    const std::size_t segment = info.segment_bytes != 0 ? info.segment_bytes : rest.size();
    while (!rest.empty()) {
      const std::size_t size = std::min(segment, rest.size());
      receiver(rest.first(size), from, to);
      rest = rest.subspan(size);
    }
  }
  return static_cast<std::size_t>(got) == count ? Received::more : Received::all;
}

void UdpSocket::send(ByteView datagrams, std::size_t segment_bytes, const SocketAddress& to, const SocketAddress& from) {
  if (queue_.empty()) datagrams = datagrams.subspan(transmit(datagrams, segment_bytes, to, from));
  if (datagrams.empty() || queued_bytes_ + datagrams.size() > max_queued_bytes) return;
  if (write_fd_ < 0) write_fd_ = fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (write_fd_ < 0) return;  // Out of descriptors: lost, too.
  queued_bytes_ += datagrams.size();
  queue_.push_back({Bytes(datagrams.begin(), datagrams.end()), segment_bytes, to, from});
  if (!writable_watch_) writable_watch_ = loop_.watch(write_fd_, Readiness::writable, [this] { flush(); });
}

// Returns how many bytes are dealt with: sent, or lost in a way that waiting would not change. Fewer than all: try again when
// the socket is writable.
std::size_t UdpSocket::transmit(ByteView datagrams, std::size_t segment_bytes, const SocketAddress& to,
                                const SocketAddress& from) {
  const SocketAddress none;
  const SocketAddress& destination = connected_ ? none : to;
  const SocketAddress& source = packet_info_ ? from : none;
  std::size_t done = 0;
  bool retried = false;
  const bool batch = datagrams.size() > segment_bytes;
  bool segment = batch && segments();
  if (batch && unsegmented_batches_ > 0) --unsegmented_batches_;
  while (done < datagrams.size()) {
    const ByteView rest = datagrams.subspan(done);
    std::array<mmsghdr, max_segments> messages;
    std::array<iovec, max_segments> data;
    std::array<ControlSpace, max_segments> controls;
    std::size_t count = 0, covered = 0;
    const bool segmented = segment && rest.size() > segment_bytes;
    while (covered < rest.size() && count < (segmented ? 1 : max_segments)) {
      const std::size_t size = segmented ? rest.size() : std::min(segment_bytes, rest.size() - covered);
      data[count] = {const_cast<std::uint8_t*>(rest.data()) + covered, size};  // The kernel reads it only.
      fill_message(messages[count].msg_hdr, data[count], controls[count], destination, source, segmented ? segment_bytes : 0);
      covered += size;
      ++count;
    }
    const int sent = sendmmsg(fd_, messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
    if (sent > 0) {
      if (segmented) segmentation_failures_ = 0;
      for (std::size_t i = 0; i < static_cast<std::size_t>(sent); ++i) done += data[i].iov_len;
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return done;
    if (segmented && (errno == EIO || errno == EINVAL)) {
      segment = false;
      segmentation_failed();
      continue;
    }
    // An ICMP answer to something earlier is reported on the next send, which then did not happen: once more.
    if (errno == ECONNREFUSED && !std::exchange(retried, true)) continue;
    // Too large for the path (a probe), no route, buffers full: lost, as datagrams may be.
    done += data[0].iov_len;
  }
  return done;
}

void UdpSocket::segmentation_failed() {
  constexpr unsigned longest = 10;  // A thousand batches; a try that fails costs one system call.
  unsegmented_batches_ = 1u << std::min(segmentation_failures_, longest);
  ++segmentation_failures_;
}

void UdpSocket::flush() {
  while (!queue_.empty()) {
    Queued& first = queue_.front();
    const std::size_t sent = transmit(first.datagrams, first.segment_bytes, first.to, first.from);
    queued_bytes_ -= sent;
    if (sent < first.datagrams.size()) {
      first.datagrams.erase(first.datagrams.begin(), first.datagrams.begin() + static_cast<std::ptrdiff_t>(sent));
      return;
    }
    queue_.pop_front();
  }
  writable_watch_.reset();
  if (const auto drained = drained_) drained();  // May destroy this socket.
}

}  // namespace forgepool::transport
