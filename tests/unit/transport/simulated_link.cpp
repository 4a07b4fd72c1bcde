#include "simulated_link.hpp"

#include <catch2/catch_test_macros.hpp>

namespace forgepool::test {

using namespace transport;

SimulatedLink::Ends SimulatedLink::honest(const Authority& authority) {
  Ends ends{authority.issue("agent"), authority.issue("hub"), {}, authority.check()};
  ends.check_server = authority.check(pin_of(ends.server));
  return ends;
}

SimulatedLink::SimulatedLink(const Authority& authority, const Ends& ends, const LinkFaults& faults,
                             const QuicSettings& settings, const Http3Limits& limits, Duration start_after)
    : now(authority.now + start_after), faults_(faults), settings_(settings), limits_(limits), random_(faults.seed) {
  client_path_ = {SocketAddress::parse("192.0.2.1", 1111).value(), SocketAddress::parse("192.0.2.2", 4433).value()};
  server_path_ = {client_path_.remote, client_path_.local};
  server_tls_ = TlsContext::make(Role::server, ends.server, ends.check_client).value();
  use_client(TlsContext::make(Role::client, ends.client, ends.check_server).value());
}

void SimulatedLink::use_client(std::shared_ptr<const TlsContext> tls) {
  client = QuicConnection::connect(std::move(tls), settings_, client_path_, now).value();
  http_client = std::make_unique<Http3Client>(*client, limits_, "192.0.2.2:4433");
  client->attach(*http_client);
}

void SimulatedLink::client_seen_at(const SocketAddress& address) {
  server_path_.remote = address;
}

void SimulatedLink::launch(ByteView batch, std::size_t segment_bytes, bool to_server, bool elsewhere) {
  if (elsewhere && !to_server) bytes_to_elsewhere += batch.size();
  if (to_server && server_path_.remote != client_path_.local) bytes_from_elsewhere += batch.size();
  std::uniform_real_distribution<double> chance(0, 1);
  while (!batch.empty()) {
    const std::size_t size = std::min(segment_bytes, batch.size());
    Bytes datagram(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(size));
    batch = batch.subspan(size);
    ++datagrams;
    if (tamper) tamper(datagram, to_server);
    if (chance(random_) < faults_.loss || (to_server && !server_reachable) || (elsewhere && !elsewhere_reachable)) {
      ++lost;
      continue;
    }
    const int copies = chance(random_) < faults_.duplication ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      const Duration extra = chance(random_) < faults_.reordering ? faults_.delay : Duration::zero();
      flying_.emplace(now + faults_.delay + extra, Flying{datagram, to_server});
    }
  }
}

void SimulatedLink::pump() {
  for (const bool from_client : {true, false}) {
    QuicConnection* const end = from_client ? client.get() : server.get();
    if (!end) continue;
    for (;;) {
      const auto batch = end->produce(buffer_, now);
      if (batch.bytes == 0) break;
      launch(ByteView(buffer_).first(batch.bytes), batch.segment_bytes, from_client,
             !from_client && batch.path.remote != client_path_.local);
    }
  }
}

void SimulatedLink::arrive(const Flying& flying) {
  if (flying.datagram.empty()) return;  // As the UDP shell does.
  if (!flying.to_server) return client->receive(flying.datagram, client_path_, now);
  // What a listener does: an id that it knows belongs to the connection, any other may start a new one.
  ngtcp2_version_cid header;
  if (ngtcp2_pkt_decode_version_cid(&header, flying.datagram.data(), flying.datagram.size(), connection_id_bytes) != 0) return;
  if (server && server->finished() && !server->established()) ids_.known.clear();
  if (!ids_.known.contains(to_hex({header.dcid, header.dcidlen}))) {
    ngtcp2_pkt_hd initial;
    if (ngtcp2_accept(&initial, flying.datagram.data(), flying.datagram.size()) != 0 || (server && server->established()))
      return;
    const auto token = check_retry_token(reset_secret_, initial, server_path_.remote, now);
    if (token.verdict == RetryToken::Verdict::invalid) ++invalid_tokens;
    const bool proved = token.verdict == RetryToken::Verdict::valid;
    if (retry && !proved) {
      DatagramBuffer out;
      const auto size = write_retry(out, reset_secret_, initial, server_path_.remote, now);
      ++retries;
      CHECK(size < flying.datagram.size());
      return launch(ByteView(out).first(size), size, false);
    }
    http_server.reset();
    ids_.known.clear();
    server = QuicConnection::accept(server_tls_, settings_, server_path_, initial,
                                    proved ? std::optional(token.original_id) : std::nullopt, ids_, now)
                 .value();
    http_server = std::make_unique<Http3Server>(*server, limits_);
    server->attach(*http_server);
  }
  server->receive(flying.datagram, server_path_, now);
}

bool SimulatedLink::run_until(const std::function<bool()>& condition, Duration limit) {
  const Time end = now + limit;
  for (;;) {
    if (http_server) {
      while (http_server->has_arrived()) {
        auto arrived = http_server->take_arrived();
        if (handler)
          handler(std::move(arrived));
        else
          http_server->respond(arrived.stream, {200, "text/plain", std::move(arrived.request.body)});
      }
    }
    pump();
    if (condition()) return true;
    Time next = client->expiry();
    if (server) next = std::min(next, server->expiry());
    if (!flying_.empty()) next = std::min(next, flying_.begin()->first);
    if (next > end) return false;
    now = std::max(now, next);
    while (!flying_.empty() && flying_.begin()->first <= now) {
      const auto first = flying_.extract(flying_.begin());
      arrive(first.mapped());
    }
    for (QuicConnection* const connection : {client.get(), server.get()})
      if (connection && connection->expiry() <= now) connection->expire(now);
  }
}

}  // namespace forgepool::test
