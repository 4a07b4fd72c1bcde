// A request's bytes on its stream, from a client past the handshake, to a server on a simulated link.
#include "targets.hpp"

#include "../unit/transport/raw_streams.hpp"

namespace forgepool::fuzz {
namespace {

using namespace test;

struct Link {
  Link() : link(authority, SimulatedLink::honest(authority), {}), raw(*link.client) {
    link.use_streams(raw);
    link.handler = [this](transport::Http3Server::Arrived arrived) {
      ++requests;
      hold(arrived.request.path.starts_with('/'), "paths begin with a slash");
      hold(arrived.request.path.find_first_of("\r\n\t\0") == std::string::npos, "paths have no control characters");
      link.http_server->respond(arrived.stream, {200, "text/plain", std::move(arrived.request.body)});
    };
    hold(link.run_until([&] { return raw.is_started; }), "the handshake succeeds");
  }
  const Authority authority;
  SimulatedLink link;
  RawStreams raw;
  int requests = 0;
};

/// Connections serve many inputs: a new one is made when the last one was ended.
bool feed(std::shared_ptr<Link>& link, ByteView input) {
  if (!link || link->link.client->end() || link->link.server->end() || link->link.client->streams_left() == 0)
    link = std::make_shared<Link>();
  const int before = link->requests;
  const auto stream = link->raw.request(Bytes(input.begin(), input.end()));
  link->link.run_until(
      [&] { return link->requests > before || link->raw.closed_with.contains(stream) || link->link.server->end(); },
      std::chrono::seconds(1));
  return link->requests > before;
}

}  // namespace

std::vector<Target> http3_targets() {
  const auto link = std::make_shared<std::shared_ptr<Link>>();
  const auto run = [link](ByteView input) { return feed(*link, input); };
  return {{"http3_request", {request_headers(), request_headers({{"authorization", "Bearer v4.public.x"}, {"x", "y"}})}, run},
          {"http3_body",
           {request_headers({{"content-length", "300"}}) + frame(data_type, Bytes(300, 'x')),
            request_headers() + frame(data_type, Bytes(20, 1)) + frame(0x21, {1, 2}) + frame(data_type, Bytes(20, 2))},
           run}};
}

}  // namespace forgepool::fuzz
