#pragma once
/// Responders as every backend hands them to handlers.
#include <forgepool/transport.hpp>

namespace forgepool::transport {

/// Calls `answer` exactly once: with the first response given, or with a 500 when the last copy is dropped uncalled.
Responder make_responder(std::function<void(Response)> answer);

}  // namespace forgepool::transport
