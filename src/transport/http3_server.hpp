#pragma once
/// The serving end of HTTP/3 on one connection. Requests come out whole; each is answered once, at any time.
#include "transport/http3.hpp"

#include <deque>
#include <utility>
#include <vector>

namespace forgepool::transport {

class Http3Server final : public Http3 {
 public:
  Http3Server(QuicConnection& quic, const Http3Limits& limits) : Http3(Role::server, quic, limits) {}

  struct Arrived {
    StreamId stream;
    Request request;
  };
  /// Requests come in the order in which they were complete. Those that break a limit were answered already.
  bool has_arrived() const { return !arrived_.empty(); }
  /// Only if one has arrived.
  Arrived take_arrived();
  /// Of requests that were taken and not answered, and of answers that the peer has not taken.
  std::size_t used_bytes() const { return used_bytes_; }

  /// Answers a request that was taken. Harmless if its stream is gone.
  void respond(StreamId stream, Response response);

  Time expiry() const override { return next_look_; }
  bool expire(Time now) override;

 private:
  void on_field(Exchange& exchange, std::int32_t token, std::string_view value) override;
  bool on_headers(StreamId stream, Exchange& exchange) override;
  void on_message(StreamId stream, Exchange& exchange) override;
  void on_headers_too_large(StreamId stream, Exchange& exchange) override;
  void on_body_too_large(StreamId stream, Exchange& exchange) override;
  void on_too_much_held(StreamId stream, Exchange& exchange) override;
  void on_reset(StreamId stream, Exchange& exchange) override;
  void settle() override;
  void on_closed(StreamId stream, std::uint64_t code) override;
  void on_activity(StreamId stream, std::size_t size) override;
  void submit(StreamId stream, Exchange& exchange, Response response);
  void use(Exchange& exchange, std::size_t bytes);
  void watch(Exchange& exchange);
  Time deadline(const Exchange& exchange) const;
  void release(Exchanges::iterator exchange);

  std::deque<Arrived> arrived_;
  std::size_t used_bytes_ = 0;
  Time next_look_ = Time::max();                        ///< No exchange is late before: deadlines only move to later.
  std::vector<std::pair<StreamId, Response>> refused_;  ///< To be answered once the library is left.
};

}  // namespace forgepool::transport
