#include "transport/message_rules.hpp"

#include <algorithm>

namespace forgepool::transport {
namespace {

bool is_visible(char c) {
  return c > 0x20 && c < 0x7f;
}
bool is_method_character(char c) {
  return (c >= 'A' && c <= 'Z') || c == '-';
}

Response text(int status, std::string message) {
  return {status, "text/plain; charset=utf-8", to_bytes(message + "\n")};
}

}  // namespace

Status check_request(const Request& request, const TransportLimits& limits) {
  if (request.method.empty() || request.method.size() > 16 || !std::ranges::all_of(request.method, is_method_character))
    return fail(ErrorKind::invalid_input, "the request's method must be an HTTP method in capitals: GET, PUT or POST");
  if (!request.path.starts_with('/') || !std::ranges::all_of(request.path, is_visible))
    return fail(ErrorKind::invalid_input,
                "the request's path must start with / and hold visible ASCII only; escape the rest (%20)");
  if (!std::ranges::all_of(request.authorization, is_visible))
    return fail(ErrorKind::invalid_input, "the request's authorization must be a token of visible ASCII characters");
  if (request.body.size() > limits.max_request_bytes)
    return fail(ErrorKind::too_large, "the request's body has " + std::to_string(request.body.size()) +
                                          " bytes, more than this node's max_request_bytes of " +
                                          std::to_string(limits.max_request_bytes));
  return {};
}

std::size_t header_bytes(const Request& request) {
  constexpr std::string_view method = ":method", path = ":path", authorization = "authorization", bearer = "Bearer ";
  return field_bytes(method.size(), request.method.size()) + field_bytes(path.size(), request.path.size()) +
         (request.authorization.empty() ? 0 : field_bytes(authorization.size(), bearer.size() + request.authorization.size()));
}

bool is_allowed_method(std::string_view method) {
  return method == "GET" || method == "PUT" || method == "POST";
}

Response method_not_allowed() {
  return text(405, "Use GET, PUT or POST.");
}

Response body_too_large(std::size_t limit_bytes) {
  return text(413, "The body is larger than the limit of " + std::to_string(limit_bytes) + " bytes.");
}

Response headers_too_large(std::size_t limit_bytes) {
  return text(431, "The headers are larger than the limit of " + std::to_string(limit_bytes) + " bytes.");
}

Response path_malformed() {
  return text(400, "The path does not begin with a slash.");
}

Response request_too_slow() {
  return text(408, "The request did not arrive in time.");
}

Response too_much_held() {
  return text(503, "You hold more here than one peer may: take the answers that wait for you, and send less at once.");
}

Response no_answer() {
  return text(500, "The request was not answered.");
}

Response sendable(Response response) {
  const bool fine = response.status >= 200 && response.status <= 599 && !response.content_type.empty() &&
                    std::ranges::all_of(response.content_type, [](char c) { return is_visible(c) || c == ' '; });
  if (!fine) return no_answer();
  if (response.status == 204 || response.status == 304) response.body.clear();  // Never have a body (RFC 9110, section 6.4.1).
  return response;
}

Error response_too_large(std::size_t limit_bytes) {
  return {ErrorKind::too_large, "the response is larger than this node's max_response_bytes of " + std::to_string(limit_bytes)};
}

}  // namespace forgepool::transport
