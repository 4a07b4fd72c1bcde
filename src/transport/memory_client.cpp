#include "transport/memory_client.hpp"

#include "transport/memory_listener.hpp"
#include "transport/message_rules.hpp"
#include "transport/peer_identity.hpp"

#include <algorithm>
#include <utility>

namespace forgepool::transport {

void MemoryClient::start() {
  listener_ = network_->find(options_.address, options_.port);
  if (!listener_) {
    end_ = Error{ErrorKind::unavailable, "nobody listens at " + address() + ": is the peer running?"};
    return;
  }
  listener_->tell(
      [id = id_, self = MemoryListener::ClientHandle{mailbox_, weak_from_this()}](MemoryListener& to) { to.opened(id, self); });
  handshake_timeout_ = loop_.after(options_.limits.handshake_timeout, [weak = weak_from_this()] {
    if (const auto self = weak.lock())
      self->ended(
          {ErrorKind::unavailable, "no connection to the peer at " + self->address() + " within the handshake timeout"});
  });
}

void MemoryClient::close() {
  closed_ = true;
  mailbox_->close();
  handshake_timeout_.reset();
  if (listener_ && !end_) listener_->tell([id = id_](MemoryListener& to) { to.closed_by_client(id); });
  waiting_.clear();
  in_flight_.clear();
}

void MemoryClient::send(Request request, Done done) {
  if (auto fine = check_request(request, options_.limits); !fine) return report(std::move(done), fail(std::move(fine.error())));
  if (end_) return report(std::move(done), fail(*end_));
  waiting_.push_back({std::move(request), std::move(done)});
  submit();
}

// Later, like every other result: never inside the call that asked.
void MemoryClient::report(Done done, Result<Response> result) {
  loop_.post([weak = weak_from_this(), done = std::move(done), result = std::move(result)]() mutable {
    const auto self = weak.lock();
    if (self && !self->closed_) done(std::move(result));
  });
}

void MemoryClient::submit() {
  while (!waiting_.empty() && in_flight_.size() < places_) {
    const std::uint64_t exchange = ++last_exchange_;
    listener_->tell([id = id_, exchange, request = std::move(waiting_.front().request)](MemoryListener& to) mutable {
      to.requested(id, exchange, std::move(request));
    });
    in_flight_.emplace(exchange, std::move(waiting_.front().done));
    waiting_.pop_front();
  }
}

void MemoryClient::offered(const std::vector<Bytes>& chain) {
  if (end_) return;
  const auto peer = establish(options_.check_peer, chain, loop_.now());
  if (!peer) {
    log_refusal(log_.get(), address(), peer.error().message);
    listener_->tell([id = id_](MemoryListener& to) { to.closed_by_client(id); });
    ended({ErrorKind::unauthenticated, "refused the peer at " + address() + ": " + peer.error().message});
    return;
  }
  listener_->tell([id = id_, own = options_.identity.certificate_chain](MemoryListener& to) { to.presented(id, own); });
}

void MemoryClient::accepted(std::uint32_t max_concurrent_requests) {
  if (end_) return;
  handshake_timeout_.reset();
  places_ = std::min(max_concurrent_requests, options_.limits.max_concurrent_requests);
  submit();
}

void MemoryClient::responded(std::uint64_t exchange, Response response) {
  auto request = in_flight_.extract(exchange);
  if (!request) return;
  submit();  // Before the callback, which may close us.
  const std::size_t limit = options_.limits.max_response_bytes;
  if (response.body.size() > limit)
    request.mapped()(fail(response_too_large(limit)));
  else
    request.mapped()(std::move(response));
}

void MemoryClient::ended(Error error) {
  if (end_ || closed_) return;
  end_ = std::move(error);
  handshake_timeout_.reset();
  const Error told = *end_;
  auto in_flight = std::exchange(in_flight_, {});
  auto waiting = std::exchange(waiting_, {});
  for (auto& [exchange, done] : in_flight) {
    if (closed_) return;
    done(fail(told));
  }
  for (auto& request : waiting) {
    if (closed_) return;
    request.done(fail(told));
  }
}

}  // namespace forgepool::transport
