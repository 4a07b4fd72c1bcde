#pragma once
/// A UDP socket that moves datagrams in batches: recvmmsg with GRO in, sendmsg with GSO out (udp(7), UDP_SEGMENT and UDP_GRO).
/// Without them a connection is three to five times slower. On the loop's thread.
#include "transport/socket_address.hpp"

#include <forgepool/bytes.hpp>
#include <forgepool/event_loop.hpp>

#include <deque>
#include <functional>
#include <memory>

namespace forgepool::transport {

/// Space for one batch in each direction; one serves all sockets of a loop.
struct PacketBuffers {
  static constexpr std::size_t messages = 16;          ///< Read with one call.
  static constexpr std::size_t message_bytes = 65536;  ///< With GRO one message holds many datagrams.
  Bytes receive = Bytes(messages * message_bytes);
  Bytes send = Bytes(message_bytes);
};

class UdpSocket {
 public:
  /// `unavailable` if the address cannot be bound or reached.
  static Result<std::unique_ptr<UdpSocket>> bind(EventLoop& loop, std::shared_ptr<PacketBuffers> buffers,
                                                 const SocketAddress& local, bool offload);
  static Result<std::unique_ptr<UdpSocket>> connect(EventLoop& loop, std::shared_ptr<PacketBuffers> buffers,
                                                    const SocketAddress& remote, bool offload);
  /// Over a connected datagram socket of any family, which it takes over.
  static std::unique_ptr<UdpSocket> adopt(EventLoop& loop, std::shared_ptr<PacketBuffers> buffers, int fd);
  ~UdpSocket();
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  const SocketAddress& local() const { return local_; }

  /// `readable` is called while datagrams wait; `drained` once the queue of `send` is empty again. Both may destroy the socket.
  void watch(std::function<void()> readable, std::function<void()> drained);

  using Receiver = std::function<void(ByteView datagram, const SocketAddress& from, const SocketAddress& to)>;
  enum class Received {
    more,         ///< A full batch: probably more waits.
    all,          ///< Nothing waits any more.
    unreachable,  ///< Connected sockets: the peer's host says that nobody listens there (ICMP).
  };
  /// One batch, datagram by datagram. The receiver must not destroy the socket.
  Received receive(const Receiver& receiver);

  /// Sends datagrams of `segment_bytes` each (the last may be shorter). What the kernel does not take now is queued; what goes
  /// beyond the queue's bound is lost, as datagrams may be. `to` is ignored by connected sockets, `from` matters when bound to
  /// a wildcard address.
  void send(ByteView datagrams, std::size_t segment_bytes, const SocketAddress& to, const SocketAddress& from);
  /// True while `send` queues: whoever can should wait for `drained`.
  bool congested() const { return !queue_.empty(); }
  /// Whether the next batch is given to the kernel as one.
  bool segments() const { return segmentation_ && unsegmented_batches_ == 0; }

  static constexpr std::size_t max_queued_bytes = 4u << 20;

 private:
  UdpSocket(EventLoop& loop, std::shared_ptr<PacketBuffers> buffers, int fd)
      : loop_(loop), buffers_(std::move(buffers)), fd_(fd) {}
  void configure(bool offload);
  void segmentation_failed();
  std::size_t transmit(ByteView datagrams, std::size_t segment_bytes, const SocketAddress& to, const SocketAddress& from);
  void flush();

  struct Queued {
    Bytes datagrams;
    std::size_t segment_bytes;
    SocketAddress to, from;
  };

  EventLoop& loop_;
  const std::shared_ptr<PacketBuffers> buffers_;
  const int fd_;
  SocketAddress local_;
  bool connected_ = false;
  bool segmentation_ = false;  ///< GSO is wanted.
  // What the kernel refuses for one batch (EINVAL: larger than the path's MTU by now; EIO: the device cannot, or not now) may
  // work for the next. So it is tried again: after one batch, then after two, four, …
  unsigned segmentation_failures_ = 0;  ///< In a row.
  unsigned unsegmented_batches_ = 0;    ///< To be sent one by one before that.
  bool packet_info_ = false;            ///< Each datagram comes with the address that it was sent to.
  std::function<void()> drained_;
  int write_fd_ = -1;  ///< The same socket once more: loops watch a descriptor for one thing only.
  std::unique_ptr<Subscription> readable_watch_, writable_watch_;
  std::deque<Queued> queue_;
  std::size_t queued_bytes_ = 0;
};

}  // namespace forgepool::transport
