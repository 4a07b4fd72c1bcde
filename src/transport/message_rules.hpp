#pragma once
/// What a request and a response must look like, whatever carries them: the same for every backend.
#include <forgepool/transport.hpp>

#include <optional>

namespace forgepool::transport {

/// What the sending side refuses to send: invalid_input for a method, path or authorization that could not stand in an HTTP
/// header; too_large for a body above `limits.max_request_bytes`.
Status check_request(const Request& request, const TransportLimits& limits);

/// The size of a request's headers as RFC 9114, section 4.2.2 counts it.
std::size_t header_bytes(const Request& request);
/// One header's part of that size.
inline std::size_t field_bytes(std::size_t name_bytes, std::size_t value_bytes) {
  return name_bytes + value_bytes + 32;
}

/// The answers to requests that never reach the handler.
Response method_not_allowed();
Response path_malformed();
Response body_too_large(std::size_t limit_bytes);
Response headers_too_large(std::size_t limit_bytes);
Response request_too_slow();
Response too_much_held();
/// What a dropped responder answers.
Response no_answer();

bool is_allowed_method(std::string_view method);

/// The response, or a 500 in its place if a handler gave one that cannot be sent (status or content type malformed).
Response sendable(Response response);

/// What a response over the limit fails the request with.
Error response_too_large(std::size_t limit_bytes);

}  // namespace forgepool::transport
