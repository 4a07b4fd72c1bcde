#pragma once
/// Answers, as all endpoints give them.
#include "wire/messages.hpp"

#include <forgepool/transport.hpp>

namespace forgepool::hub {

Response ok(Bytes body, std::string content_type = "application/octet-stream");
Response json_answer(std::string_view text);
Response nothing();
Response failure(const Error& error);

/// Every refusal has a reason code (crypto/reason.hpp); where nothing more precise is known, the name of its kind.
Error coded(const Error& error);

/// How long somebody may wait who asks for `ms`.
Duration bounded_wait(std::uint64_t ms);

}  // namespace forgepool::hub
