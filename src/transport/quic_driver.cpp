#include "transport/quic_driver.hpp"

#include <algorithm>

namespace forgepool::transport {

void QuicDriver::flush() {
  // When the socket takes no more, its owner flushes again once it has drained.
  while (!socket_.congested()) {
    const auto batch = connection_.produce(buffers_.send, loop_.steady());
    if (batch.bytes == 0) break;
    socket_.send(ByteView(buffers_.send).first(batch.bytes), batch.segment_bytes, batch.path.remote, batch.path.local);
  }
  set_timer();
}

// Most expiries are moved to later before they come. So a timer that is too early stays: it fires, sees that nothing is due,
// and is set again. That is far cheaper than a new timer per packet.
void QuicDriver::set_timer() {
  Time due = connection_.expiry();
  // What is due but cannot be sent would fire again at once.
  if (socket_.congested()) due = std::max(due, loop_.steady() + std::chrono::milliseconds(10));
  if (due == Time::max() || timer_at_ <= due) return;
  timer_at_ = due;
  timer_ = loop_.after(due - loop_.steady(), [this] { timer_fired(); });
}

void QuicDriver::timer_fired() {
  timer_at_ = Time::max();
  const Time now = loop_.steady();
  if (now < connection_.expiry()) {
    set_timer();
    return;
  }
  connection_.expire(now);
  const auto stepped = stepped_;
  stepped();  // May destroy this driver.
}

}  // namespace forgepool::transport
