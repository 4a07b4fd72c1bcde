#include "client/permit.hpp"

#include "wire/messages.hpp"

namespace forgepool::client {

std::optional<Permit> permit_for(const Request& request) {
  constexpr std::string_view jobs = "/v1/jobs", blobs = "/v1/blobs/", cancel = "/cancel", hold = "/hold", erase = "/erase";
  std::string_view path = request.path;
  path = path.substr(0, path.find('?'));
  if (request.method == "POST" && path == jobs) return Permit{"submit", {}, {}, true};
  if (request.method == "POST" && path == "/v1/forecasts") return Permit{"forecast", {}, {}, false};
  if (request.method == "GET" && path == jobs) return Permit{"list", {}, {}, false};
  if (request.method == "PUT" && path.starts_with(blobs)) {
    const auto digest = Digest::parse(path.substr(blobs.size()));
    return Permit{"upload", {}, digest ? std::optional(*digest) : std::nullopt, true};
  }
  if (!path.starts_with("/v1/jobs/")) return std::nullopt;
  path.remove_prefix(jobs.size() + 1);
  if (request.method == "POST")
    for (const auto change : {cancel, hold, erase})
      if (path.ends_with(change))
        return Permit{std::string(change.substr(1)), std::string(path.substr(0, path.size() - change.size())), {}, true};
  return Permit{"read", std::string(path.substr(0, path.find('/'))), {}, false};
}

Bytes token_ask(const Permit& permit) {
  wire::fb::TokenAskT ask;
  ask.actions = {permit.action};
  ask.job = permit.job;
  if (permit.blob) ask.blob = wire::to_wire_ptr(*permit.blob);
  ask.once = permit.once;
  return wire::encode(ask);
}

}  // namespace forgepool::client
