#include "transport/http3_callbacks.hpp"

#include "transport/http3.hpp"
#include "transport/message_rules.hpp"

#include <charconv>

namespace forgepool::transport {

struct Http3Callbacks {
  static Http3& self(void* user) { return *static_cast<Http3*>(user); }
  static Http3::Exchange* find(Http3& http, StreamId stream) {
    const auto found = http.exchanges_.find(stream);
    return found == http.exchanges_.end() ? nullptr : &found->second;
  }
  static std::string_view text(nghttp3_rcbuf* buffer) {
    const nghttp3_vec bytes = nghttp3_rcbuf_get_buf(buffer);
    return {reinterpret_cast<const char*>(bytes.base), bytes.len};
  }

  static int begin_headers(nghttp3_conn*, std::int64_t stream, void* user, void*) {
    auto& http = self(user);
    if (http.role_ == Role::server) http.exchanges_.try_emplace(stream);
    return 0;
  }

  // Headers and trailers count together; trailers are then dropped.
  static Http3::Exchange* count(std::int64_t stream, nghttp3_rcbuf* name, nghttp3_rcbuf* value, void* user) {
    auto& http = self(user);
    Http3::Exchange* const exchange = find(http, stream);
    if (!exchange || exchange->unwanted) return nullptr;
    exchange->header_bytes += field_bytes(text(name).size(), text(value).size());
    if (exchange->header_bytes <= http.limits_.max_header_bytes) return exchange;
    exchange->unwanted = true;
    http.on_headers_too_large(stream, *exchange);
    return nullptr;
  }
  static int header(nghttp3_conn*, std::int64_t stream, std::int32_t token, nghttp3_rcbuf* name, nghttp3_rcbuf* value,
                    std::uint8_t, void* user, void*) {
    Http3::Exchange* const exchange = count(stream, name, value, user);
    if (!exchange) return 0;
    const std::string_view content = text(value);
    if (token == NGHTTP3_QPACK_TOKEN_CONTENT_LENGTH)
      std::from_chars(content.data(), content.data() + content.size(), exchange->content_length);
    else
      self(user).on_field(*exchange, token, content);
    return 0;
  }
  static int trailer(nghttp3_conn*, std::int64_t stream, std::int32_t, nghttp3_rcbuf* name, nghttp3_rcbuf* value, std::uint8_t,
                     void* user, void*) {
    count(stream, name, value, user);
    return 0;
  }
  static int end_headers(nghttp3_conn*, std::int64_t stream, int, void* user, void*) {
    auto& http = self(user);
    Http3::Exchange* const exchange = find(http, stream);
    if (!exchange || exchange->unwanted) return 0;
    exchange->unwanted = !http.on_headers(stream, *exchange);
    if (!exchange->unwanted && exchange->content_length > http.limits_.max_body_bytes) {
      exchange->unwanted = true;
      http.on_body_too_large(stream, *exchange);
    }
    return 0;
  }
  static int data(nghttp3_conn*, std::int64_t stream, const std::uint8_t* bytes, std::size_t size, void* user, void*) {
    auto& http = self(user);
    if (Http3::Exchange* const exchange = find(http, stream)) {
      http.append_body(stream, *exchange, {bytes, size});
    } else {
      http.quic_.extend_stream(stream, size);
      http.quic_.extend_connection(size);
    }
    return 0;
  }
  static int end_stream(nghttp3_conn*, std::int64_t stream, void* user, void*) {
    auto& http = self(user);
    Http3::Exchange* const exchange = find(http, stream);
    if (!exchange || exchange->unwanted) return 0;
    exchange->arrived = true;
    http.on_message(stream, *exchange);
    return 0;
  }

  static int consumed(nghttp3_conn*, std::int64_t stream, std::size_t size, void* user, void*) {
    self(user).quic_.extend_stream(stream, size);
    self(user).quic_.extend_connection(size);
    return 0;
  }
  static int stop_reading(nghttp3_conn*, std::int64_t stream, std::uint64_t code, void* user, void*) {
    self(user).quic_.stop_reading(stream, code);
    return 0;
  }
  static int stop_writing(nghttp3_conn*, std::int64_t stream, std::uint64_t code, void* user, void*) {
    self(user).quic_.stop_writing(stream, code);
    return 0;
  }

  static nghttp3_ssize read_body(nghttp3_conn*, std::int64_t stream, nghttp3_vec* pieces, std::size_t, std::uint32_t* flags,
                                 void* user, void*) {
    auto& http = self(user);
    *flags |= NGHTTP3_DATA_FLAG_EOF;
    const Http3::Exchange* const exchange = find(http, stream);
    if (!exchange || http.leaving_body(*exchange).empty()) return 0;
    const Bytes& body = http.leaving_body(*exchange);
    pieces[0] = {const_cast<std::uint8_t*>(body.data()),
                 body.size()};  // The library's vectors serve reading too; it does not write.
    return 1;
  }

  static nghttp3_callbacks table() {
    nghttp3_callbacks callbacks{};
    callbacks.begin_headers = begin_headers;
    callbacks.recv_header = header;
    callbacks.end_headers = end_headers;
    callbacks.recv_trailer = trailer;
    callbacks.recv_data = data;
    callbacks.end_stream = end_stream;
    callbacks.deferred_consume = consumed;
    callbacks.stop_sending = stop_reading;
    callbacks.reset_stream = stop_writing;
    return callbacks;
  }
};

const nghttp3_callbacks& http3_callbacks() {
  static const nghttp3_callbacks table = Http3Callbacks::table();
  return table;
}

const nghttp3_data_reader http_body_reader = {Http3Callbacks::read_body};

nghttp3_nv http_field(std::string_view name, std::string_view value, bool secret) {
  // Copied by the library; it does not write. "Never indexed" keeps tokens out of compression state on the way (RFC
  // 9204, 7.1.3).
  const auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(),
          static_cast<std::uint8_t>(secret ? NGHTTP3_NV_FLAG_NEVER_INDEX : NGHTTP3_NV_FLAG_NONE)};
}

}  // namespace forgepool::transport
