#pragma once
/// What runs over the streams of a QUIC connection. QuicConnection calls it while it reads and writes packets; it may answer
/// with the stream operations of QuicConnection, and with nothing else of it.
#include "transport/quic_libraries.hpp"

#include <forgepool/bytes.hpp>
#include <forgepool/time.hpp>

#include <array>
#include <cstdint>

namespace forgepool::transport {

using StreamId = std::int64_t;

/// Data for one stream, borrowed from the layer until acknowledged or the stream is closed.
struct StreamChunk {
  StreamId stream = -1;  ///< -1: nothing to send.
  bool fin = false;
  std::size_t count = 0;
  std::array<ngtcp2_vec, 8> pieces;
};

class StreamLayer {
 public:
  virtual ~StreamLayer() = default;

  /// Each of these returns false to end the connection, after `error_code` was set.
  /// Data can be sent from now on. On a server this is before the client has proved who it is.
  virtual bool started() = 0;
  /// The next bytes of a stream, each byte once.
  virtual bool received(StreamId stream, ByteView data, bool fin) = 0;
  virtual bool acknowledged(StreamId stream, std::uint64_t size) = 0;
  /// The peer abandoned what it was sending.
  virtual bool reset(StreamId stream) = 0;
  /// Both directions are over; `code` is the application error of a reset, H3_NO_ERROR otherwise.
  virtual bool closed(StreamId stream, std::uint64_t code) = 0;
  /// The peer takes more data on this stream.
  virtual bool window_opened(StreamId stream) = 0;
  /// The peer may open streams up to this many in total.
  virtual void peer_streams(std::uint64_t maximum) = 0;

  /// What to send next; then one of the other three says what became of it.
  virtual bool next(StreamChunk& chunk) = 0;
  virtual bool written(StreamId stream, std::size_t size) = 0;
  virtual void blocked(StreamId stream) = 0;
  virtual void refused(StreamId stream) = 0;

  /// When `expire` is due; Time::max() for never.
  virtual Time expiry() const { return Time::max(); }
  virtual bool expire(Time) { return true; }

  /// The application error code (RFC 9114, section 8.1) that the connection is closed with.
  std::uint64_t error_code() const { return error_code_; }

 protected:
  std::uint64_t error_code_ = 0x102;  // H3_INTERNAL_ERROR
};

}  // namespace forgepool::transport
