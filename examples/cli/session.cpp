#include "session.hpp"

#include <forgepool/address.hpp>

namespace forgepool_cli {

using namespace forgepool;

int exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_input:
    case ErrorKind::conflict:
    case ErrorKind::too_large:
    case ErrorKind::unsupported: return exit_usage;
    case ErrorKind::unavailable: return exit_unreachable;
    case ErrorKind::unauthenticated:
    case ErrorKind::denied: return exit_refused;
    case ErrorKind::not_found: return exit_not_found;
    case ErrorKind::corrupt: return exit_failed;
    case ErrorKind::internal: return exit_internal;
  }
  return exit_internal;
}

Result<Session> Session::open(const HubAddress& address) {
  const auto place = parse_network_address(address.hub);
  if (!place) return fail(ErrorKind::invalid_input, "--hub: " + place.error().message);
  if (address.credentials.empty())
    return fail(ErrorKind::invalid_input,
                "who are you? Give --credentials DIR or set FORGEPOOL_CREDENTIALS (a hub's operator has DATA/operator)");
  auto credentials = load_credentials(address.credentials);
  if (!credentials) return fail(credentials.error());
  const auto life = certificate_life(*credentials);
  if (!life) return fail(life.error());
  const Time now = std::chrono::system_clock::now();
  const std::string name = credentials->name;
  Session session;
  session.directory_ = address.credentials;
  session.loop_ = make_event_loop({1});
  ClientOptions options;
  options.hub_address = place->host;
  options.hub_port = place->port;
  auto client = connect_default_client(*session.loop_, std::move(*credentials), options);
  if (!client) return fail(client.error());
  session.client_ = std::move(*client);
  // In time, and on the way. If it fails, there is as much time again to try; and for one that expired the hub may have grace.
  if (now < life->renew_at) return session;
  const auto renewed = session.renew();
  if (renewed || now < life->expires_at || renewed.error().kind == ErrorKind::unavailable) return session;
  return fail(ErrorKind::unauthenticated,
              "the certificate in " + address.credentials + " expired at " + to_rfc3339(life->expires_at) +
                  ", by this machine's clock it is " + to_rfc3339(now) + ", and the hub does not renew it any more (" +
                  renewed.error().message + "). If the clock is right, " +
                  (name.ends_with("/operator") ? "make new credentials on the hub's machine (forgepool hub operator)"
                                               : "ask the hub's operator for a join token, and enrol again"));
}

Result<CertificateLife> Session::renew() {
  const auto renewed = call<Credentials>([&](auto done) { client_->renew(done); });
  if (!renewed) return fail(renewed.error());
  if (const auto kept = update_credentials(*renewed, directory_); !kept) return fail(kept.error());
  return certificate_life(*renewed);
}

}  // namespace forgepool_cli
