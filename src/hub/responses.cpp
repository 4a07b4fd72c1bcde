#include "hub/responses.hpp"

#include "base/checked_arithmetic.hpp"
#include "crypto/reason.hpp"

#include <algorithm>

namespace forgepool::hub {
namespace {

constexpr auto max_wait = std::chrono::seconds(60);

}  // namespace

Response ok(Bytes body, std::string content_type) {
  return {200, std::move(content_type), std::move(body)};
}
Response json_answer(std::string_view text) {
  return ok(to_bytes(text), "application/json");
}
Response nothing() {
  return {204, "application/octet-stream", {}};
}
Error coded(const Error& error) {
  return reason_code(error).empty() ? Error{error.kind, std::string(to_string(error.kind)) + ": " + error.message} : error;
}

Response failure(const Error& error) {
  // What was erased is not there, and will not be: 410, not 404.
  const bool gone = error.kind == ErrorKind::not_found && reason_code(error) == "erased";
  return {gone ? 410 : wire::status_of(error.kind), "application/octet-stream", wire::encode_failure(error)};
}

Duration bounded_wait(std::uint64_t ms) {
  return std::min<Duration>(max_wait, duration_from_ms(ms));
}

}  // namespace forgepool::hub
