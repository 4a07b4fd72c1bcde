#include "client/session.hpp"

#include "base/checked_arithmetic.hpp"
#include "crypto/reason.hpp"
#include "identity/svid.hpp"
#include "wire/messages.hpp"

#include <algorithm>

namespace forgepool::client {
namespace {

std::string key_of(const Permit& permit) {
  return permit.action + " " + permit.job;
}

}  // namespace

Session::Session(EventLoop& loop, Credentials credentials, std::unique_ptr<Transport> transport, ClientOptions options)
    : loop_(loop), credentials_(std::move(credentials)), transport_(std::move(transport)), options_(std::move(options)) {}

void Session::send(Request request, Done done) {
  const auto permit = permit_for(request);
  if (!permit) return send_now(std::move(request), std::move(done));
  const auto kept = tokens_.find(key_of(*permit));
  if (permit->once || kept == tokens_.end() || kept->second.until <= loop_.steady())
    return send_with_new_token(std::move(request), *permit, std::move(done));
  request.authorization = kept->second.token;
  Request again = request;
  send_now(std::move(request),
           [this, permit, again = std::move(again), done = std::move(done)](Result<Response> response) mutable {
             // The hub may have stopped believing what it gave: its token key was revoked, or its clock was set.
             if (!response && response.error().kind == ErrorKind::unauthenticated &&
                 reason_code(response.error()).starts_with("token_")) {
               tokens_.erase(key_of(*permit));
               return send_with_new_token(std::move(again), *permit, std::move(done));
             }
             done(std::move(response));
           });
}

void Session::send_with_new_token(Request request, const Permit& permit, Done done) {
  send_now({"POST", "/v1/tokens", "", token_ask(permit)}, [this, permit, request = std::move(request),
                                                           done = std::move(done)](Result<Response> response) mutable {
    if (!response) return done(std::move(response));
    auto grant = wire::decode<wire::fb::TokenGrantT>(response->body);
    if (!grant) return done(fail(grant.error()));
    request.authorization = grant->token;
    if (!permit.once) {
      keep(key_of(permit), std::move(grant->token), grant->life_ms);
      return send_now(std::move(request), std::move(done));
    }
    // Whether it was carried out nobody knows whose answer was lost. With the same token it is the same change.
    Request again = request;
    send_now(std::move(request), [this, again = std::move(again), done = std::move(done)](Result<Response> answer) mutable {
      if (!answer && answer.error().kind == ErrorKind::unavailable) return send_now(std::move(again), std::move(done));
      done(std::move(answer));
    });
  });
}

void Session::keep_job_token(const std::string& job, std::string token, std::uint64_t life_ms) {
  if (!token.empty()) keep("read " + job, std::move(token), life_ms);
}

void Session::keep(std::string key, std::string token, std::uint64_t life_ms) {
  const Time now = loop_.steady();
  std::erase_if(tokens_, [&](const auto& entry) { return entry.second.until <= now; });
  // Not until its last moment: what waits at the hub for its turn must still be good then.
  const Duration life = std::min<Duration>(duration_from_ms(life_ms), std::chrono::hours(1));
  tokens_.insert_or_assign(std::move(key), Kept{std::move(token), now + life * 3 / 4});
}

void Session::fail_later(Done done, Error error) {
  loop_.post([alive = alive_, done = std::move(done), error = std::move(error)] {
    if (*alive) done(fail(error));
  });
}

void Session::send_now(Request request, Done done) {
  if (!connection_ || !connection_->usable()) {
    // It goes later: it may be telling those who wait that it broke, and we are called by the first of them.
    if (connection_) loop_.post([old = std::shared_ptr<Connection>(std::move(connection_))] {});
    auto check = identity::check_hub(credentials_);
    if (!check) return fail_later(std::move(done), check.error());
    ConnectOptions connect;
    connect.address = options_.hub_address;
    connect.port = options_.hub_port;
    connect.identity = credentials_.identity;
    connect.check_peer = std::move(*check);
    connect.limits.max_response_bytes = 1u << 30;  // Bundles.
    auto connection = transport_->connect(std::move(connect));
    if (!connection) return fail_later(std::move(done), connection.error());
    connection_ = std::move(*connection);
  }
  connection_->send(std::move(request), [alive = alive_, done = std::move(done)](Result<Response> response) {
    if (!*alive) return;
    if (response && response->status / 100 != 2)
      return done(fail(wire::decode_failure(response->body, wire::kind_of(response->status))));
    done(std::move(response));
  });
}

}  // namespace forgepool::client
