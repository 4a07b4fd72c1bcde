#include "hub/routes.hpp"

#include <charconv>

namespace forgepool::hub {
namespace {

/// What stands between the two, if the path begins and ends so; otherwise the path stays as it is.
bool take_between(std::string_view& path, std::string_view prefix, std::string_view suffix) {
  if (path.size() < prefix.size() + suffix.size() || !path.starts_with(prefix) || !path.ends_with(suffix)) return false;
  path = path.substr(prefix.size(), path.size() - prefix.size() - suffix.size());
  return true;
}

bool take_prefix(std::string_view& path, std::string_view prefix) {
  if (!path.starts_with(prefix)) return false;
  path.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::pair<std::string_view, std::string_view> split_query(std::string_view path) {
  const auto mark = path.find('?');
  if (mark == std::string_view::npos) return {path, {}};
  return {path.substr(0, mark), path.substr(mark + 1)};
}

std::uint64_t query_number(std::string_view query, std::string_view name, std::uint64_t fallback) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto part = query.substr(0, end);
    if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=') {
      std::uint64_t value = 0;
      const auto digits = part.substr(name.size() + 1);
      const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
      return error == std::errc() && rest == digits.data() + digits.size() ? value : fallback;
    }
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return fallback;
}

std::optional<Route> route_of(std::string_view method, std::string_view path) {
  if (method == "GET") {
    if (path == "/healthz") return Route{Action::read_health, {}};
    // Hashes say nothing of what they are of: agents hold the hub to its promises by them.
    if (path == "/v1/log/offer" || path.starts_with("/tile/entries/")) return Route{Action::read_log, path};
    if (path == "/checkpoint" || path.starts_with("/tile/")) return Route{Action::read_log_hashes, path};
    if (path == "/v1/jobs") return Route{Action::list_jobs, {}};
    if (path == "/v1/agents") return Route{Action::list_agents, {}};
    if (path == "/v1/posture") return Route{Action::read_posture, {}};
    if (path == "/v1/crl") return Route{Action::read_revocation_list, {}};
    if (path == "/v1/organizations") return Route{Action::list_organizations, {}};
    if (take_prefix(path, "/v1/jobs/")) return Route{Action::read_job, path};
    if (take_prefix(path, "/v1/agent/blob/")) return Route{Action::fetch_blob, path};
  } else if (method == "POST") {
    if (path == "/v1/agent/lease") return Route{Action::take_lease, {}};
    if (path == "/v1/agent/heartbeat") return Route{Action::heartbeat, {}};
    if (path == "/v1/agent/result") return Route{Action::report_result, {}};
    if (path == "/v1/log/cosignatures") return Route{Action::cosign, {}};
    if (path == "/v1/jobs") return Route{Action::submit_job, {}};
    if (path == "/v1/forecasts") return Route{Action::forecast_job, {}};
    if (path == "/v1/invitations") return Route{Action::invite, {}};
    if (take_between(path, "/v1/jobs/", "/cancel")) return Route{Action::cancel_job, path};
    if (take_between(path, "/v1/jobs/", "/hold")) return Route{Action::hold_job, path};
    if (take_between(path, "/v1/jobs/", "/erase")) return Route{Action::erase_job, path};
    if (take_between(path, "/v1/agents/", "/drain")) return Route{Action::drain_agent, path};
    if (take_between(path, "/v1/agents/", "/appeal")) return Route{Action::hear_appeal, path};
    if (path == "/v1/tokens") return Route{Action::take_token, {}};
    if (path == "/v1/renew") return Route{Action::renew, {}};
    if (path == "/v1/revocations") return Route{Action::revoke, {}};
    if (path == "/v1/keys") return Route{Action::rotate_keys, {}};
  } else if (method == "PUT") {
    if (take_prefix(path, "/v1/blobs/")) return Route{Action::upload_blob, path};
  }
  return std::nullopt;
}

std::string action_of(const Request& request) {
  // No route of the members' port, but its refusals stand in the log, too.
  if (request.method == "POST" && request.path == "/v1/enroll") return std::string(to_string(Action::enrol));
  const auto route = route_of(request.method, split_query(request.path).first);
  return route ? std::string(to_string(route->action)) : "";
}

}  // namespace forgepool::hub
