#pragma once
/// Requests of those who speak for themselves, with the tokens that the client library would get for them.
#include "client/permit.hpp"
#include "wire/messages.hpp"

namespace forgepool::test {

/// A token that `permit` describes, asked for through `exchange` (Request to Result<Response>); empty if it is refused.
template <class Exchange>
std::string token_for(const client::Permit& permit, Exchange exchange, std::string parent = {}) {
  const Result<Response> answer = exchange(Request{"POST", "/v1/tokens", std::move(parent), client::token_ask(permit)});
  if (!answer || answer->status != 200) return {};
  const auto grant = wire::decode<wire::fb::TokenGrantT>(answer->body);
  return grant ? grant->token : std::string();
}

/// The request with the token that it needs, unless it has one, needs none, or its sender gets none. Where a name in the path
/// is none, with a token that is good for any.
template <class Exchange>
Request permitted(Request request, Exchange exchange) {
  auto permit = client::permit_for(request);
  if (!permit || !request.authorization.empty()) return request;
  request.authorization = token_for(*permit, exchange);
  if (request.authorization.empty()) {
    permit->job.clear();
    permit->blob.reset();
    request.authorization = token_for(*permit, exchange);
  }
  return request;
}

}  // namespace forgepool::test
