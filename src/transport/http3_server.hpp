#pragma once
/// The serving end of HTTP/3 on one connection. Requests come out whole; each is answered once, at any time.
#include "transport/http3.hpp"

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
  /// Requests in the order in which they were complete. Those that break a limit were answered already.
  std::vector<Arrived> take_arrived() { return std::exchange(arrived_, {}); }

  /// Answers a request that was taken. Harmless if its stream is gone.
  void respond(StreamId stream, Response response);

 private:
  void on_field(Exchange& exchange, std::int32_t token, std::string_view value) override;
  bool on_headers(StreamId stream, Exchange& exchange) override;
  void on_message(StreamId stream, Exchange& exchange) override;
  void on_headers_too_large(StreamId stream, Exchange& exchange) override;
  void on_body_too_large(StreamId stream, Exchange& exchange) override;
  void on_reset(StreamId stream, Exchange& exchange) override;
  void settle() override;
  void on_closed(StreamId stream, std::uint64_t code) override;
  void submit(StreamId stream, Exchange& exchange, Response response);

  std::vector<Arrived> arrived_;
  std::vector<std::pair<StreamId, Response>> refused_;  ///< To be answered once the library is left.
};

}  // namespace forgepool::transport
