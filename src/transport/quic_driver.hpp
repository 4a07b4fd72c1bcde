#pragma once
/// Drives a QuicConnection: sends what it produces and wakes it when it is due. Datagrams that arrive are its owner's business.
#include "transport/quic_connection.hpp"
#include "transport/udp_socket.hpp"

namespace forgepool::transport {

class QuicDriver {
 public:
  /// Everything is borrowed. After the connection's timer was handled, `stepped` is called: the owner looks what has come of it
  /// and flushes. It may destroy the driver.
  QuicDriver(EventLoop& loop, UdpSocket& socket, PacketBuffers& buffers, QuicConnection& connection,
             std::function<void()> stepped)
      : loop_(loop), socket_(socket), buffers_(buffers), connection_(connection), stepped_(std::move(stepped)) {}

  /// Sends all that may be sent now, and sets the timer. Call after anything was done to the connection.
  void flush();

 private:
  void set_timer();
  void timer_fired();

  EventLoop& loop_;
  UdpSocket& socket_;
  PacketBuffers& buffers_;
  QuicConnection& connection_;
  const std::function<void()> stepped_;
  std::unique_ptr<Subscription> timer_;
  Time timer_at_ = Time::max();
};

}  // namespace forgepool::transport
