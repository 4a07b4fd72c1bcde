#pragma once
/// What a method and a path stand for.
#include "hub/authorization.hpp"

#include <optional>
#include <utility>

namespace forgepool::hub {

/// "/v1/jobs/x?wait_ms=5" is the path "/v1/jobs/x" and the query "wait_ms=5".
std::pair<std::string_view, std::string_view> split_query(std::string_view path);

/// The value of a parameter that is a number; `fallback` if it is absent or none.
std::uint64_t query_number(std::string_view query, std::string_view name, std::uint64_t fallback);

/// The action, and what follows the fixed part of the path (a view into it).
struct Route {
  Action action;
  std::string_view rest;
};
/// Of the members' port; `path` without the query. Nothing for no endpoint of ours.
std::optional<Route> route_of(std::string_view method, std::string_view path);

/// What a request was for, as it stands in the log, whatever its port; empty for no endpoint of ours.
std::string action_of(const Request& request);

}  // namespace forgepool::hub
