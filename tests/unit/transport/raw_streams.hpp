#pragma once
/// HTTP/3 by hand: any bytes on any stream, and what comes back.
#include "simulated_link.hpp"

#include <catch2/catch_test_macros.hpp>

#include <set>

namespace forgepool::test {

using namespace transport;

/// Sends any bytes on any stream, and keeps what comes back.
class RawStreams final : public StreamLayer {
 public:
  explicit RawStreams(QuicConnection& quic) : quic_(quic) {}

  struct Sending {
    Bytes data;
    bool fin = true;
    std::size_t sent = 0;
    bool done = false;
  };

  StreamId request(Bytes data, bool fin = true) {
    const StreamId stream = quic_.open_stream().value();
    sending.emplace(stream, Sending{std::move(data), fin});
    return stream;
  }
  StreamId control(Bytes data) {
    const StreamId stream = quic_.open_control_stream().value();
    sending.emplace(stream, Sending{std::move(data), false});
    return stream;
  }

  /// More on a stream that was left open.
  void append(StreamId stream, const Bytes& data, bool fin) {
    Sending& send = sending.at(stream);
    send.data.insert(send.data.end(), data.begin(), data.end());
    send.fin = fin;
    send.done = false;
  }

  bool started() override { return is_started = true; }
  bool received(StreamId stream, ByteView data, bool) override {
    answers[stream].insert(answers[stream].end(), data.begin(), data.end());
    if (!read) return true;
    quic_.extend_stream(stream, data.size());
    quic_.extend_connection(data.size());
    return true;
  }
  bool acknowledged(StreamId, std::uint64_t) override { return true; }
  bool reset(StreamId stream) override {
    resets.insert(stream);
    return true;
  }
  bool closed(StreamId stream, std::uint64_t code) override {
    closed_with[stream] = code;
    sending.erase(stream);
    return true;
  }
  bool window_opened(StreamId stream) override {
    is_blocked.erase(stream);
    return true;
  }
  void peer_streams(std::uint64_t) override {}
  bool next(StreamChunk& chunk) override {
    for (auto& [stream, send] : sending) {
      if (send.done || is_blocked.contains(stream)) continue;
      chunk.stream = stream;
      chunk.fin = send.fin;
      chunk.count = 1;
      chunk.pieces[0] = {send.data.data() + send.sent, send.data.size() - send.sent};
      return true;
    }
    return true;
  }
  bool written(StreamId stream, std::size_t size) override {
    Sending& send = sending.at(stream);
    send.sent += size;
    send.done = send.sent == send.data.size();
    return true;
  }
  void blocked(StreamId stream) override { is_blocked.insert(stream); }
  void refused(StreamId stream) override { sending.at(stream).done = true; }

  bool is_started = false;
  bool read = true;  ///< Gives flow-control credit back.
  std::map<StreamId, Sending> sending;
  std::map<StreamId, Bytes> answers;
  std::map<StreamId, std::uint64_t> closed_with;
  std::set<StreamId> resets, is_blocked;

 private:
  QuicConnection& quic_;
};

/// A QUIC variable-length integer (RFC 9000, section 16).
inline void put_number(Bytes& out, std::uint64_t value) {
  if (value < 64) return out.push_back(static_cast<std::uint8_t>(value));
  if (value < 16384) {
    out.push_back(static_cast<std::uint8_t>(0x40 | value >> 8));
    return out.push_back(static_cast<std::uint8_t>(value));
  }
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>((shift == 56 ? 0xc0 : 0) | (value >> shift)));
}
inline Bytes frame_head(std::uint64_t type, std::size_t size) {
  Bytes out;
  put_number(out, type);
  put_number(out, size);
  return out;
}
inline Bytes frame(std::uint64_t type, const Bytes& payload) {
  Bytes out = frame_head(type, payload.size());
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}
inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
/// A field section of literal fields (RFC 9204, section 4.5.6), lengths below 7 and 127.
inline Bytes fields(const std::vector<std::pair<std::string, std::string>>& list) {
  Bytes out = {0, 0};
  for (const auto& [name, value] : list) {
    const auto length = [&](std::size_t size, std::uint8_t prefix, std::uint8_t limit) {
      if (size < limit) return out.push_back(static_cast<std::uint8_t>(prefix | size));
      out.push_back(prefix | limit);
      for (size -= limit; size >= 128; size >>= 7) out.push_back(static_cast<std::uint8_t>(0x80 | (size & 127)));
      out.push_back(static_cast<std::uint8_t>(size));
    };
    length(name.size(), 0x20, 7);
    out.insert(out.end(), name.begin(), name.end());
    length(value.size(), 0x00, 127);
    out.insert(out.end(), value.begin(), value.end());
  }
  return out;
}
inline constexpr std::uint64_t data_type = 0, headers_type = 1;
inline Bytes request_headers(std::vector<std::pair<std::string, std::string>> more = {}) {
  std::vector<std::pair<std::string, std::string>> list = {
      {":method", "POST"}, {":scheme", "https"}, {":authority", "hub"}, {":path", "/x"}};
  list.insert(list.end(), more.begin(), more.end());
  return frame(headers_type, fields(list));
}

/// A hand-made client and an honest server on a simulated link. The server answers with the body.
struct RawClient {
  explicit RawClient(const Http3Limits& limits = {})
      : link(authority, SimulatedLink::honest(authority), {}, {}, limits), raw(*link.client) {
    link.use_streams(raw);
    link.handler = [this](Http3Server::Arrived arrived) {
      arrived_requests.push_back(arrived.request);
      link.http_server->respond(arrived.stream, {200, "text/plain", big_answers ? Bytes(3u << 20) : arrived.request.body});
    };
    REQUIRE(link.run_until([&] { return raw.is_started; }));
  }
  void settle() {
    link.run_until([] { return false; }, std::chrono::seconds(5));
  }

  const Authority authority;
  SimulatedLink link;
  RawStreams raw;
  std::vector<Request> arrived_requests;
  bool big_answers = false;
};

}  // namespace forgepool::test
