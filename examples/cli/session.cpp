#include "session.hpp"

#include <charconv>

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

Result<std::pair<std::string, std::uint16_t>> split_address(const std::string& text) {
  const auto colon = text.rfind(':');
  std::uint16_t port = 0;
  if (colon != std::string::npos) {
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port);
    if (error == std::errc() && rest == end && port != 0 && colon > 0) return std::pair{text.substr(0, colon), port};
  }
  return fail(ErrorKind::invalid_input, "expected ADDRESS:PORT, got \"" + text + "\"");
}

Result<Session> Session::open(const HubAddress& address) {
  const auto place = split_address(address.hub);
  if (!place) return fail(ErrorKind::invalid_input, "--hub: " + place.error().message);
  if (address.credentials.empty())
    return fail(ErrorKind::invalid_input,
                "who are you? Give --credentials DIR or set FORGEPOOL_CREDENTIALS (a hub's operator has DATA/operator)");
  auto credentials = load_credentials(address.credentials);
  if (!credentials) return fail(credentials.error());
  const auto life = certificate_life(*credentials);
  if (!life) return fail(life.error());
  const Time now = std::chrono::system_clock::now();
  if (now >= life->expires_at)
    return fail(ErrorKind::unauthenticated, "the certificate in " + address.credentials + " expired at " +
                                                to_rfc3339(life->expires_at) +
                                                ": ask the hub's operator for a join token, and enrol again");
  Session session;
  session.directory_ = address.credentials;
  session.loop_ = make_event_loop({1});
  ClientOptions options;
  options.hub_address = place->first;
  options.hub_port = place->second;
  auto client = connect_default_client(*session.loop_, std::move(*credentials), options);
  if (!client) return fail(client.error());
  session.client_ = std::move(*client);
  // In time, and on the way. If it fails, there is as much time again to try.
  if (now >= life->renew_at) (void)session.renew();
  return session;
}

Result<CertificateLife> Session::renew() {
  const auto renewed = call<Credentials>([&](auto done) { client_->renew(done); });
  if (!renewed) return fail(renewed.error());
  if (const auto kept = update_credentials(*renewed, directory_); !kept) return fail(kept.error());
  return certificate_life(*renewed);
}

}  // namespace forgepool_cli
