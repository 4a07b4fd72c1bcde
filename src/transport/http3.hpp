#pragma once
/// HTTP/3 (RFC 9114) over the streams of a QuicConnection: what a client and a server have in common. Knows no sockets and no
/// clock. Bodies are collected up to a limit; flow-control credit is given back as they are, and withheld from all but the
/// oldest message while the peer holds too much (`max_held_bytes`).
///
/// The QPACK dynamic table is off: no state that a peer can make us hold, and no request waits for another's headers.
#include "transport/listener_usage.hpp"
#include "transport/quic_connection.hpp"

#include <forgepool/transport.hpp>

#include <nghttp3/nghttp3.h>

#include <limits>
#include <memory>
#include <unordered_map>

namespace forgepool::transport {

struct Http3Limits {
  std::size_t max_header_bytes = 16u << 10;
  std::size_t max_body_bytes = 64u << 20;
  /// Of all that is held of one peer (`HeldBytes`), before its connections are slowed down,
  std::size_t max_held_bytes = 128u << 20;
  /// and before what still arrives is refused: credit that was given cannot be taken back.
  std::size_t refuse_above_bytes = std::numeric_limits<std::size_t>::max();
  /// Servers: within which a request must have arrived, and a response been taken, plus a second per 64 KiB.
  Duration request_timeout = std::chrono::seconds(30);
};

/// The content type of a message that does not say (RFC 9110, section 8.3); it is left out of ours.
inline constexpr std::string_view plain_bytes_type = "application/octet-stream";

/// HTTP/3 error codes (RFC 9114, section 8.1) that this end uses.
namespace h3_error {
inline constexpr std::uint64_t no_error = 0x100, stream_creation = 0x103, excessive_load = 0x107, request_cancelled = 0x10c;
}  // namespace h3_error

class Http3 : public StreamLayer {
 public:
  ~Http3() override;
  /// Counts with these from now on, in place of by itself.
  void hold_with(std::shared_ptr<HeldBytes> held);

  bool started() override;
  bool received(StreamId stream, ByteView data, bool fin) override;
  bool acknowledged(StreamId stream, std::uint64_t size) override;
  bool reset(StreamId stream) override;
  bool closed(StreamId stream, std::uint64_t code) override;
  bool window_opened(StreamId stream) override;
  void peer_streams(std::uint64_t maximum) override;
  bool next(StreamChunk& chunk) override;
  bool written(StreamId stream, std::size_t size) override;
  void blocked(StreamId stream) override;
  void refused(StreamId stream) override;

 protected:
  /// One request and its response. One of the two arrives here, the other leaves.
  struct Exchange {
    Request request;
    Response response;
    std::size_t header_bytes = 0;
    std::uint64_t content_length = 0;  ///< As announced by the sender of what arrives; 0 if not.
    std::uint64_t withheld_bytes = 0;  ///< Stream credit not yet given back.
    bool arrived = false;              ///< The whole message is here.
    bool unwanted = false;             ///< Drop what still arrives.
    bool in_handler = false;           ///< Server: the responder has not been called yet.
    bool closed = false;               ///< Server: the stream is over before the responder was called.
    // Server: what it has to do with the peer's haste.
    Time since{};                   ///< The request began to arrive; the response was submitted.
    std::uint64_t moved_bytes = 0;  ///< Since then.
    std::size_t used_bytes = 0;     ///< Of the request in a handler, then of the response.
    bool answered = false;          ///< The response was submitted.
    bool abandoned = false;         ///< The peer did not take the response in time.
  };
  using Exchanges = std::unordered_map<StreamId, Exchange>;

  Http3(Role role, QuicConnection& quic, const Http3Limits& limits) : role_(role), quic_(quic), limits_(limits) {}

  // What differs between the ends. Called inside the HTTP/3 library: none of them may submit or drop a stream.
  virtual void on_field(Exchange& exchange, std::int32_t token, std::string_view value) = 0;
  /// All headers are here; returns false if the rest of the message is unwanted.
  virtual bool on_headers(StreamId stream, Exchange& exchange) = 0;
  virtual void on_message(StreamId stream, Exchange& exchange) = 0;
  virtual void on_headers_too_large(StreamId stream, Exchange& exchange) = 0;
  virtual void on_body_too_large(StreamId stream, Exchange& exchange) = 0;
  /// The peer holds so much that this message is dropped.
  virtual void on_too_much_held(StreamId, Exchange&) {}
  /// The peer abandoned the message that was arriving.
  virtual void on_reset(StreamId stream, Exchange& exchange) = 0;
  /// After the library is left; here streams can be answered and dropped.
  virtual void settle() = 0;
  virtual void on_closed(StreamId stream, std::uint64_t code) = 0;

  Bytes& arriving_body(Exchange& exchange) { return role_ == Role::server ? exchange.request.body : exchange.response.body; }
  const Bytes& leaving_body(const Exchange& exchange) {
    return role_ == Role::server ? exchange.response.body : exchange.request.body;
  }
  void forget(Exchanges::iterator exchange);
  /// These bytes are not held any more.
  void let_go(std::size_t bytes);
  void hold(std::size_t bytes);
  /// Server: more of this stream arrived.
  virtual void on_activity(StreamId, std::size_t) {}

  const Role role_;
  QuicConnection& quic_;
  const Http3Limits limits_;
  nghttp3_conn* http_ = nullptr;
  Exchanges exchanges_;

 private:
  friend struct Http3Callbacks;
  bool check(int library_error);
  void append_body(StreamId stream, Exchange& exchange, ByteView data);
  static void reserve_body(Bytes& body, std::uint64_t announced, std::size_t more);
  void release_credit();

  void drop_body(Exchange& exchange);

  std::shared_ptr<HeldBytes> held_ = std::make_shared<HeldBytes>();
  std::size_t own_held_bytes_ = 0;  ///< What of them is this connection's.
  bool credit_withheld_ = false;
};

/// A header to send, borrowed until it is submitted.
nghttp3_nv http_field(std::string_view name, std::string_view value, bool secret = false);

/// Sends a message's body from its exchange.
extern const nghttp3_data_reader http_body_reader;

}  // namespace forgepool::transport
