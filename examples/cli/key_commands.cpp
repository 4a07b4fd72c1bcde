// Who belongs to the pool and by which keys: organizations, rotation, revocation, renewal, health.
#include "commands.hpp"
#include "output.hpp"

#include <fmt/core.h>

#include <filesystem>

namespace forgepool_cli {

using namespace forgepool;

Result<HubKeys> hub_keys(const KeyOptions& options) {
  HubKeys keys;
  if (!options.passphrase_file.empty()) {
    auto passphrase = read_secret_file(options.passphrase_file);
    if (!passphrase) return fail(passphrase.error());
    keys.passphrase = std::move(*passphrase);
  }
  if (!options.module.empty()) {
    auto pin = read_secret_file(options.pin_file);
    if (!pin) return fail(pin.error().kind, "--pkcs11-pin-file: " + pin.error().message);
    keys.pkcs11 = {options.module, options.token, std::move(*pin)};
  }
  return keys;
}

namespace {

/// An operator is named by the directory of its credentials, by its certificate (PEM), or by the pin of its key.
Result<std::string> operator_id(const std::string& text) {
  std::error_code error;
  const std::string file = std::filesystem::is_directory(text, error) ? text + "/node.pem" : text;
  if (!std::filesystem::exists(file, error)) return text;
  const auto pem = read_file(file, 1u << 16);
  if (!pem) return fail(pem.error());
  // The first one is the leaf: what stands between the lines that frame it, without line breaks.
  const std::string_view begin = "-----BEGIN CERTIFICATE-----", end = "-----END CERTIFICATE-----";
  const std::string_view all = as_text(*pem);
  const auto from = all.find(begin), to = all.find(end);
  if (from == all.npos || to == all.npos || to < from)
    return fail(ErrorKind::invalid_input, file + " holds no certificate (PEM)");
  std::string base64(all.substr(from + begin.size(), to - from - begin.size()));
  std::erase_if(base64, [](char c) { return c == '\n' || c == '\r'; });
  return base64;
}

}  // namespace

int operator_init(const Common& common, const std::string& data, const std::string& organization, const std::string& output,
                  const KeyOptions& options) {
  const auto keys = hub_keys(options);
  if (!keys) return complain(keys.error(), common.json);
  if (const auto made = make_operator_credentials(data, organization, output, std::chrono::system_clock::now(), *keys); !made)
    return complain(made.error(), common.json);
  if (common.json)
    print_json({{"operator", output}});
  else
    fmt::print("Made operator's credentials in {}. Those that there were stay good: `forgepool revoke operator` ends them\n",
               output);
  return exit_ok;
}

int org_init(const Common& common, const std::string& data, const std::string& name, const KeyOptions& options) {
  const auto keys = hub_keys(options);
  if (!keys) return complain(keys.error(), common.json);
  if (const auto made = init_organization_directory(data, name, std::chrono::system_clock::now(), *keys); !made)
    return complain(made.error(), common.json);
  const std::string directory = organization_directory(data, name), root = hub_identity_directory(directory) + "/root.json";
  if (common.json)
    print_json({{"organization", name}, {"root", root}, {"operator", directory + "/operator"}});
  else
    fmt::print(
        "Made the organization {}.\n  trusted root for its auditors: {}\n  its operator's credentials:    {}/operator\n"
        "Start the hub anew for it to be there.\n",
        name, root, directory);
  return exit_ok;
}

int org_list(const Common& common) {
  auto session = Session::open(common.address);
  if (!session) return complain(session.error(), common.json);
  const auto all = session->call<std::vector<OrganizationSummary>>([&](auto done) { session->client().organizations(done); });
  if (!all) return complain(all.error(), common.json);
  if (common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& one : *all)
      list.push_back({{"organization", one.name},
                      {"trust_domain", one.trust_domain},
                      {"state", one.state},
                      {"agents", one.agents},
                      {"running_jobs", one.running_jobs}});
    print_json({{"organizations", std::move(list)}});
    return exit_ok;
  }
  for (const auto& one : *all)
    fmt::print("{:<24}  {:<8}  {:>6} agents  {:>6} running jobs  {}\n", one.name.empty() ? "(the hub's own)" : one.name,
               one.state, one.agents, one.running_jobs, one.trust_domain);
  return exit_ok;
}

int keys_rotate(const Common& common, const std::string& purpose, const std::string& root_output) {
  auto session = Session::open(common.address);
  if (!session) return complain(session.error(), common.json);
  const auto id = KeyId::parse(purpose + "-1");
  if (!id) return complain(id.error(), common.json);
  const auto rotated = session->call<RotatedKey>([&](auto done) { session->client().rotate_key(id->purpose, done); });
  if (!rotated) return complain(rotated.error(), common.json);
  if (!root_output.empty())
    if (const auto written = write_file(root_output, as_bytes(rotated->trusted_root)); !written)
      return complain(written.error(), common.json);
  // We trust the hub by keys, too.
  if (const auto renewed = session->renew(); !renewed) return complain(renewed.error(), common.json);
  if (common.json)
    print_json({{"key", rotated->id.str()}});
  else
    fmt::print("{} took over. Auditors' root.json has changed{}\n", rotated->id.str(),
               root_output.empty() ? ": it lies in the hub's identity directory" : "; the new one is in " + root_output);
  return exit_ok;
}

int revoke(const Common& common, const std::string& kind, const std::string& id, const std::string& reason) {
  const auto named = kind == "operator" ? operator_id(id) : Result<std::string>(id);
  if (!named) return complain(named.error(), common.json);
  auto session = Session::open(common.address);
  if (!session) return complain(session.error(), common.json);
  const auto leases = session->call<std::uint32_t>([&](auto done) { session->client().revoke(kind, *named, reason, done); });
  if (!leases) return complain(leases.error(), common.json);
  if (common.json)
    print_json({{"kind", kind}, {"leases_ended", *leases}});
  else
    fmt::print("Revoked; {} lease(s) ended, their shards go to others\n", *leases);
  return exit_ok;
}

int revocation_list(const Common& common, std::uint32_t ca_epoch, const std::string& output) {
  auto session = Session::open(common.address);
  if (!session) return complain(session.error(), common.json);
  const auto list = session->call<std::string>([&](auto done) { session->client().revocation_list(ca_epoch, done); });
  if (!list) return complain(list.error(), common.json);
  if (!output.empty())
    if (const auto written = write_file(output, as_bytes(*list)); !written) return complain(written.error(), common.json);
  if (common.json)
    print_json(output.empty() ? nlohmann::ordered_json{{"crl", *list}} : nlohmann::ordered_json{{"file", output}});
  else if (output.empty())
    fmt::print("{}", *list);
  return exit_ok;
}

int renew(const Common& common) {
  auto session = Session::open(common.address);
  if (!session) return complain(session.error(), common.json);
  const auto renewed = session->renew();
  if (!renewed) return complain(renewed.error(), common.json);
  if (common.json)
    print_json({{"expires_at", to_rfc3339(renewed->expires_at)}});
  else
    fmt::print("Renewed until {}\n", to_rfc3339(renewed->expires_at));
  return exit_ok;
}

int health(const Common& common) {
  auto session = Session::open(common.address);
  if (!session) return complain(session.error(), common.json);
  const auto text = session->call<std::string>([&](auto done) { session->client().health(done); });
  if (!text) return complain(text.error(), common.json);
  fmt::print("{}", *text);
  return text->find("\"status\":\"ok\"") != std::string::npos ? exit_ok : exit_failed;
}

}  // namespace forgepool_cli
