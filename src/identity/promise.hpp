#pragma once
/// Promises of the hub (forgepool/promise.hpp) as they are made and read. Envelopes (dsse.hpp) of RFC 8785 JSON:
///
///     {"by": time, "index": number, "leaf": digest, "lease": id, "log": origin, "v": 1}
#include "identity/dsse.hpp"

#include <forgepool/promise.hpp>

namespace forgepool::identity {

inline constexpr std::string_view promise_payload_type = "application/vnd.forgepool.promise+json";
inline constexpr std::size_t max_promise_bytes = 4096;

std::string write_promise(const LogPromise& promise);
Result<std::string> sign_promise(const LogPromise& promise, const Signer& hub);
/// Nothing is verified. invalid_input for what is no promise.
Result<LogPromise> read_promise(const Envelope& envelope);

}  // namespace forgepool::identity
