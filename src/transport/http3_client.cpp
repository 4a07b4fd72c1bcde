#include "transport/http3_client.hpp"

#include "transport/message_rules.hpp"

#include <charconv>
#include <utility>

namespace forgepool::transport {

std::optional<StreamId> Http3Client::submit(Request request) {
  const auto stream = quic_.open_stream();
  if (!stream) return std::nullopt;
  Exchange& exchange = exchanges_[*stream];
  exchange.request = std::move(request);
  exchange.response.status = 0;

  const Request& sent = exchange.request;
  const std::string bearer = "Bearer " + sent.authorization, length = std::to_string(sent.body.size());
  std::array<nghttp3_nv, 6> fields = {http_field(":method", sent.method), http_field(":scheme", "https"),
                                      http_field(":authority", authority_), http_field(":path", sent.path)};
  std::size_t count = 4;
  if (!sent.authorization.empty()) fields[count++] = http_field("authorization", bearer, true);
  if (!sent.body.empty() || sent.method != "GET") fields[count++] = http_field("content-length", length);
  if (nghttp3_conn_submit_request(http_, *stream, fields.data(), count, sent.body.empty() ? nullptr : &http_body_reader,
                                  nullptr) != 0) {
    // The peer is shutting down (GOAWAY) and takes nothing new.
    give_up(*stream, exchange,
            {ErrorKind::unavailable, "the peer takes no further requests on this connection: connect again"});
    settle();
  }
  return stream;
}

void Http3Client::on_field(Exchange& exchange, std::int32_t token, std::string_view value) {
  if (token == NGHTTP3_QPACK_TOKEN__STATUS)
    std::from_chars(value.data(), value.data() + value.size(), exchange.response.status);
  else if (token == NGHTTP3_QPACK_TOKEN_CONTENT_TYPE)
    exchange.response.content_type = value;
}

bool Http3Client::on_headers(StreamId, Exchange& exchange) {
  if (exchange.response.status < 200) exchange.response.content_type = plain_bytes_type;  // Interim: the real headers follow.
  return true;
}

void Http3Client::on_message(StreamId stream, Exchange& exchange) {
  let_go(exchange.response.body.size());
  answered_.push_back({stream, std::move(exchange.response)});
}

void Http3Client::on_headers_too_large(StreamId stream, Exchange& exchange) {
  give_up(stream, exchange,
          {ErrorKind::too_large, "the response's headers are larger than this node's max_header_bytes of " +
                                     std::to_string(limits_.max_header_bytes)});
}
void Http3Client::on_body_too_large(StreamId stream, Exchange& exchange) {
  give_up(stream, exchange, response_too_large(limits_.max_body_bytes));
}

void Http3Client::give_up(StreamId stream, Exchange& exchange, Error error) {
  exchange.unwanted = true;
  answered_.push_back({stream, fail(std::move(error))});
  cancelled_.push_back(stream);
}

void Http3Client::on_reset(StreamId stream, Exchange& exchange) {
  give_up(stream, exchange, {ErrorKind::unavailable, "the peer aborted the response"});
}

void Http3Client::settle() {
  for (const StreamId stream : std::exchange(cancelled_, {})) {
    quic_.stop_reading(stream, h3_error::request_cancelled);
    quic_.stop_writing(stream, h3_error::request_cancelled);
  }
}

void Http3Client::on_closed(StreamId stream, std::uint64_t code) {
  const auto found = exchanges_.find(stream);
  if (found == exchanges_.end()) return;
  if (!found->second.arrived && !found->second.unwanted)
    answered_.push_back(
        {stream, fail(ErrorKind::unavailable, "the peer aborted the request (HTTP/3 error " + std::to_string(code) + ")")});
  forget(found);
}

}  // namespace forgepool::transport
