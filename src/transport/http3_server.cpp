#include "transport/http3_server.hpp"

#include "transport/message_rules.hpp"

#include <strings.h>

#include <utility>

namespace forgepool::transport {

void Http3Server::on_field(Exchange& exchange, std::int32_t token, std::string_view value) {
  constexpr std::string_view bearer = "Bearer ";
  Request& request = exchange.request;
  switch (token) {
    case NGHTTP3_QPACK_TOKEN__METHOD: request.method = value; break;
    case NGHTTP3_QPACK_TOKEN__PATH: request.path = value; break;
    case NGHTTP3_QPACK_TOKEN_AUTHORIZATION:
      // Any other scheme is as good as none: the handler refuses the request if it needed a token.
      if (value.size() > bearer.size() && strncasecmp(value.data(), bearer.data(), bearer.size()) == 0)
        request.authorization = value.substr(bearer.size());
      break;
    default: break;
  }
}

bool Http3Server::on_headers(StreamId stream, Exchange& exchange) {
  // The HTTP/3 library sees to the path's form for https only, and lets other schemes through.
  const bool method = is_allowed_method(exchange.request.method), path = exchange.request.path.starts_with('/');
  if (method && path) return true;
  refused_.emplace_back(stream, method ? path_malformed() : method_not_allowed());
  return false;
}

void Http3Server::on_message(StreamId stream, Exchange& exchange) {
  exchange.in_handler = true;
  arrived_.push_back({stream, std::move(exchange.request)});
}

Http3Server::Arrived Http3Server::take_arrived() {
  Arrived arrived = std::move(arrived_.front());
  arrived_.pop_front();
  let_go(arrived.request.body.size());
  if (const auto found = exchanges_.find(arrived.stream); found != exchanges_.end())
    use(found->second, arrived.request.body.size());
  return arrived;
}

void Http3Server::use(Exchange& exchange, std::size_t bytes) {
  const std::size_t before = std::exchange(exchange.used_bytes, bytes);
  used_bytes_ += bytes - before;
  hold(bytes);
  let_go(before);
}

// --- haste -----------------------------------------------------------------------------------------------------------

void Http3Server::on_activity(StreamId stream, std::size_t size) {
  const auto [found, fresh] = exchanges_.try_emplace(stream);
  if (fresh) watch(found->second);
  if (!found->second.answered) found->second.moved_bytes += size;
}

void Http3Server::watch(Exchange& exchange) {
  exchange.since = quic_.now();
  exchange.moved_bytes = 0;
  next_look_ = std::min(next_look_, deadline(exchange));
}

Time Http3Server::deadline(const Exchange& exchange) const {
  constexpr std::uint64_t bytes_per_second = 64u << 10;
  if (exchange.in_handler) return Time::max();  // Our own time.
  return exchange.since + limits_.request_timeout + std::chrono::seconds(exchange.moved_bytes / bytes_per_second);
}

bool Http3Server::expire(Time now) {
  next_look_ = Time::max();
  std::vector<StreamId> late;
  for (const auto& [stream, exchange] : exchanges_) {
    if (deadline(exchange) <= now)
      late.push_back(stream);
    else
      next_look_ = std::min(next_look_, deadline(exchange));
  }
  for (const StreamId stream : late) {
    Exchange& exchange = exchanges_.at(stream);
    if (exchange.abandoned) {
      // It does not even end its side of a stream that was reset: such a peer means no good.
      error_code_ = h3_error::excessive_load;
      return false;
    }
    if (exchange.answered) {
      exchange.abandoned = true;
      refused(stream);
      quic_.stop_writing(stream, h3_error::request_cancelled);
      watch(exchange);
    } else {
      exchange.unwanted = true;
      let_go(exchange.request.body.size());
      exchange.request.body = Bytes();
      refused_.emplace_back(stream, request_too_slow());
    }
  }
  settle();
  return true;
}

void Http3Server::on_headers_too_large(StreamId stream, Exchange&) {
  refused_.emplace_back(stream, headers_too_large(limits_.max_header_bytes));
}
void Http3Server::on_body_too_large(StreamId stream, Exchange&) {
  refused_.emplace_back(stream, body_too_large(limits_.max_body_bytes));
}

void Http3Server::on_too_much_held(StreamId stream, Exchange&) {
  refused_.emplace_back(stream, too_much_held());
}

// Half of a request is no use; without this its stream would stay open on our side.
void Http3Server::on_reset(StreamId stream, Exchange& exchange) {
  exchange.unwanted = true;
  quic_.stop_writing(stream, h3_error::request_cancelled);
}

void Http3Server::settle() {
  if (refused_.empty()) return;
  for (auto& [stream, response] : std::exchange(refused_, {})) {
    const auto found = exchanges_.find(stream);
    if (found == exchanges_.end()) continue;
    submit(stream, found->second, std::move(response));
    quic_.stop_reading(stream, h3_error::no_error);  // "The response is complete without the rest" (RFC 9114, section 4.1.1).
  }
}

void Http3Server::respond(StreamId stream, Response response) {
  const auto found = exchanges_.find(stream);
  if (found == exchanges_.end() || !found->second.in_handler) return;
  found->second.in_handler = false;
  if (found->second.closed) {
    quic_.replace_stream();
    release(found);
  } else {
    submit(stream, found->second, sendable(std::move(response)));
  }
}

void Http3Server::submit(StreamId stream, Exchange& exchange, Response response) {
  exchange.response = std::move(response);
  exchange.answered = true;
  use(exchange, exchange.response.body.size());
  watch(exchange);
  const std::string status = std::to_string(exchange.response.status), length = std::to_string(exchange.response.body.size());
  std::array<nghttp3_nv, 3> fields = {http_field(":status", status)};
  std::size_t count = 1;
  // 204 has no length (RFC 9110, section 8.6), the answer to HEAD (a 405) no body. A response without a type is plain bytes.
  if (exchange.response.status != 204) fields[count++] = http_field("content-length", length);
  if (exchange.response.content_type != plain_bytes_type)
    fields[count++] = http_field("content-type", exchange.response.content_type);
  const bool body = !exchange.response.body.empty() && exchange.request.method != "HEAD";
  // Fails only for a stream that is gone, or without memory; its closing tidies up.
  nghttp3_conn_submit_response(http_, stream, fields.data(), count, body ? &http_body_reader : nullptr);
}

// A client gets a place for another request when this one is over *and* its handler is done: else it could keep any number of
// handlers busy by abandoning requests as fast as it makes them.
void Http3Server::on_closed(StreamId stream, std::uint64_t) {
  const auto found = exchanges_.find(stream);
  if (found != exchanges_.end() && found->second.in_handler) {
    found->second.closed = true;
    return;
  }
  quic_.replace_stream();
  if (found != exchanges_.end()) release(found);
}

void Http3Server::release(Exchanges::iterator exchange) {
  use(exchange->second, 0);
  forget(exchange);
}

}  // namespace forgepool::transport
