#include "transport/memory_listener.hpp"

#include "transport/memory_client.hpp"
#include "transport/message_rules.hpp"
#include "transport/peer_identity.hpp"
#include "transport/responder.hpp"

#include <utility>

namespace forgepool::transport {

Status MemoryListener::start() {
  const auto port = network_->add(options_.address, options_.port, {mailbox_, weak_from_this()});
  if (!port) return fail(port.error());
  options_.port = *port;
  return {};
}

void MemoryListener::close() {
  closed_ = true;
  network_->remove(options_.address, options_.port);
  mailbox_->close();
  for (const auto& [id, connection] : std::exchange(connections_, {}))
    connection.client.tell([](MemoryClient& client) {
      client.ended({ErrorKind::unavailable, "the peer closed the connection"});
    });
}

void MemoryListener::disconnect(const std::function<bool(const Peer&)>& whose) {
  std::vector<MemoryConnectionId> ids;
  for (const auto& [id, connection] : connections_)
    if (!connection.peer.certificate.empty() && whose(connection.peer)) ids.push_back(id);
  for (const auto id : ids) end(id, {ErrorKind::unavailable, "the peer closed the connection"});
}

Status MemoryListener::set_identity(TransportIdentity identity) {
  if (identity.certificate_chain.empty())
    return fail(ErrorKind::invalid_input, "listening needs an identity: a certificate chain and its key");
  if (auto usable = check_identity(identity); !usable) return usable;
  options_.identity = std::move(identity);
  return {};
}

void MemoryListener::end(MemoryConnectionId id, Error error) {
  if (auto connection = connections_.extract(id))
    connection.mapped().client.tell([error = std::move(error)](MemoryClient& client) { client.ended(error); });
}

void MemoryListener::refuse(MemoryConnectionId id, const std::string& reason, Error told) {
  log_refusal(log_.get(), connections_.at(id).peer.address, reason);
  end(id, std::move(told));
}

void MemoryListener::opened(MemoryConnectionId id, ClientHandle client) {
  Accepted& connection = connections_[id];
  connection.client = std::move(client);
  connection.peer.address = "client-" + std::to_string(id);
  if (connections_.size() > options_.limits.max_connections) {
    refuse(id, "max_connections (" + std::to_string(options_.limits.max_connections) + ") is reached",
           {ErrorKind::unavailable, "the peer takes no further connections now: try again later"});
    return;
  }
  connection.handshake_timeout = loop_.after(options_.limits.handshake_timeout, [weak = weak_from_this(), id] {
    if (const auto self = weak.lock())
      self->refuse(id, "the handshake was not completed within the handshake timeout",
                   {ErrorKind::unavailable, "the handshake timed out"});
  });
  connection.client.tell([chain = options_.identity.certificate_chain](MemoryClient& to) { to.offered(chain); });
}

void MemoryListener::presented(MemoryConnectionId id, const std::vector<Bytes>& chain) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Accepted& connection = found->second;
  connection.handshake_timeout.reset();
  if (options_.check_peer) {
    const auto peer = chain.empty() ? fail(ErrorKind::unauthenticated, "it showed no certificate")
                                    : establish(options_.check_peer, chain, loop_.now());
    if (!peer) {
      refuse(id, peer.error().message,
             {ErrorKind::unauthenticated,
              "the peer refused this node: its log has the reason; check this node's certificate, and the peer's pin and "
              "revocations"});
      return;
    }
    connection.peer.name = peer->name;
    connection.peer.key_pin = peer->key_pin;
    connection.peer.certificate = peer->certificate;
  }
  connection.established = true;
  connection.client.tell([places = options_.limits.max_concurrent_requests](MemoryClient& client) { client.accepted(places); });
}

void MemoryListener::requested(MemoryConnectionId id, std::uint64_t exchange, Request request) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || !found->second.established) return;
  if (!is_allowed_method(request.method)) return respond(id, exchange, method_not_allowed());
  if (header_bytes(request) > options_.limits.max_header_bytes)
    return respond(id, exchange, headers_too_large(options_.limits.max_header_bytes));
  if (request.body.size() > options_.limits.max_request_bytes)
    return respond(id, exchange, body_too_large(options_.limits.max_request_bytes));
  const Peer peer = found->second.peer;  // The handler may end the connection.
  options_.handler(peer, std::move(request), make_responder([weak = weak_from_this(), id, exchange](Response response) {
                     if (const auto self = weak.lock()) self->respond(id, exchange, sendable(std::move(response)));
                   }));
}

void MemoryListener::respond(MemoryConnectionId id, std::uint64_t exchange, Response response) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  response.until_taken = nullptr;  // Nothing here waits for the other end to read.
  found->second.client.tell([exchange, response = std::move(response)](MemoryClient& client) mutable {
    client.responded(exchange, std::move(response));
  });
}

void MemoryListener::closed_by_client(MemoryConnectionId id) {
  connections_.erase(id);
}

}  // namespace forgepool::transport
