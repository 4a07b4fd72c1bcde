#pragma once
/// The requesting end of HTTP/3 on one connection: each request has one stream.
#include "transport/http3.hpp"

#include <utility>
#include <vector>

namespace forgepool::transport {

class Http3Client final : public Http3 {
 public:
  /// `authority` is the peer's address, for the header of that name.
  Http3Client(QuicConnection& quic, const Http3Limits& limits, std::string authority)
      : Http3(Role::client, quic, limits), authority_(std::move(authority)) {}

  bool started() override {
    started_ = true;
    return Http3::started();
  }

  /// True if `submit` would find a stream now.
  bool ready() const { return started_ && quic_.streams_left() > 0; }
  std::optional<StreamId> submit(Request request);

  struct Answered {
    StreamId stream;
    Result<Response> response;
  };
  /// Every stream that was submitted turns up here once, unless the whole connection ends.
  std::vector<Answered> take_answered() { return std::exchange(answered_, {}); }

 private:
  void on_field(Exchange& exchange, std::int32_t token, std::string_view value) override;
  bool on_headers(StreamId stream, Exchange& exchange) override;
  void on_message(StreamId stream, Exchange& exchange) override;
  void on_headers_too_large(StreamId stream, Exchange& exchange) override;
  void on_body_too_large(StreamId stream, Exchange& exchange) override;
  void on_reset(StreamId stream, Exchange& exchange) override;
  void settle() override;
  void on_closed(StreamId stream, std::uint64_t code) override;
  void give_up(StreamId stream, Exchange& exchange, Error error);

  const std::string authority_;
  bool started_ = false;
  std::vector<Answered> answered_;
  std::vector<StreamId> cancelled_;  ///< To be reset once the library is left.
};

}  // namespace forgepool::transport
