// What this machine can enforce, and how to have it enforce more. Runs tiny programs in every kind of sandbox, connects to
// nobody.
#include "commands.hpp"
#include "output.hpp"

#include <forgepool/backends/bubblewrap_sandbox.hpp>
#include <forgepool/backends/linux_sandbox.hpp>
#include <forgepool/numeric_class.hpp>

#include <fmt/core.h>

#include <sys/utsname.h>
#include <unistd.h>

namespace forgepool_cli {

using namespace forgepool;
using Json = nlohmann::ordered_json;

namespace {

struct Backend {
  std::string name;
  std::unique_ptr<Sandbox> sandbox;  // Null if it does not work here:
  std::string reason;
};

Backend examined(std::string name, Result<std::unique_ptr<Sandbox>> opened) {
  if (opened) return {std::move(name), std::move(*opened), ""};
  return {std::move(name), nullptr, opened.error().message};
}

Json to_json(const SandboxMechanism& mechanism) {
  return {
      {"name", mechanism.name}, {"available", mechanism.available}, {"detail", mechanism.detail}, {"remedy", mechanism.remedy}};
}

Json to_json(const Backend& backend) {
  if (!backend.sandbox) return {{"name", backend.name}, {"works", false}, {"reason", backend.reason}};
  auto limitations = Json::array();
  for (const auto limitation : backend.sandbox->limitations())
    limitations.push_back({{"name", to_string(limitation)}, {"detail", describe(limitation)}});
  return {{"name", backend.name},
          {"works", true},
          {"level", to_string(backend.sandbox->level())},
          {"limitations", std::move(limitations)}};
}

void print(const SandboxMechanism& mechanism) {
  fmt::print("  {:<4} {}: {}\n", mechanism.available ? "ok" : "NO", mechanism.name, printable(mechanism.detail));
  if (!mechanism.remedy.empty()) fmt::print("         to fix it: {}\n", mechanism.remedy);
}

void print(const Backend& backend) {
  if (!backend.sandbox) return fmt::print("  {:<11} does not work here: {}\n", backend.name, printable(backend.reason));
  fmt::print("  {:<11} level {}\n", backend.name, to_string(backend.sandbox->level()));
  for (const auto limitation : backend.sandbox->limitations()) fmt::print("              but {}\n", describe(limitation));
}

std::string advice(SandboxLevel level, bool bubblewrap) {
  if (level == SandboxLevel::full) return "forgepool-agent runs here as it is: every limit is enforced.";
  if (level != SandboxLevel::none)
    return fmt::format(
        "forgepool-agent --allow-sandbox-level {} runs here. A program that starts others can use up several times its memory "
        "and "
        "processes. For level full, fix what is missing above.",
        to_string(level));
  return bubblewrap ? "The Linux sandbox does not work here, but bwrap does: an agent of your own can use it "
                      "(backends/bubblewrap_sandbox.hpp)."
                    : "No sandbox works here. Fix what is missing above; the first NO is the one to begin with.";
}

std::string kernel() {
  utsname name{};
  return ::uname(&name) == 0 ? std::string(name.release) : "unknown";
}

}  // namespace

int sandbox_doctor(const Common& common) {
  const auto mechanisms = probe_linux_sandbox();
  Backend backends[] = {examined("linux", open_linux_sandbox({SandboxLevel::namespaces})),
                        examined("bubblewrap", open_bubblewrap_sandbox())};
  const auto level = backends[0].sandbox ? backends[0].sandbox->level() : SandboxLevel::none;
  const auto& best = backends[0].sandbox ? backends[0] : backends[1];
  const auto numeric_class =
      best.sandbox ? measure_numeric_class(*best.sandbox) : Result<std::string>(fail(ErrorKind::unsupported, "no sandbox"));
  const auto text = advice(level, backends[1].sandbox != nullptr);

  if (common.json) {
    auto mechanism_list = Json::array(), backend_list = Json::array();
    for (const auto& mechanism : mechanisms) mechanism_list.push_back(to_json(mechanism));
    for (const auto& backend : backends) backend_list.push_back(to_json(backend));
    print_json({{"level", to_string(level)},
                {"kernel", kernel()},
                {"root", ::geteuid() == 0},
                {"mechanisms", std::move(mechanism_list)},
                {"backends", std::move(backend_list)},
                {"numeric_class", numeric_class ? Json(*numeric_class) : Json()},
                {"advice", text}});
  } else {
    fmt::print("Linux {}, {}\n\nMechanisms of the Linux sandbox\n", kernel(),
               ::geteuid() == 0 ? "as root" : "as an ordinary user");
    for (const auto& mechanism : mechanisms) print(mechanism);
    fmt::print("\nSandboxes\n");
    for (const auto& backend : backends) print(backend);
    fmt::print("\nNumeric class: {}\n\n{}\n",
               numeric_class ? *numeric_class : "unknown (" + numeric_class.error().message + ")", text);
  }
  return level == SandboxLevel::none ? exit_usage : exit_ok;
}

}  // namespace forgepool_cli
