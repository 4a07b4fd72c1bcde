// Adapters and digests: local files only.
#include "commands.hpp"
#include "output.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool_cli {

using namespace forgepool;

namespace {

constexpr std::size_t shown_instructions = 10;

void show(const Common& common, const AdapterPackage& package, const std::string& path) {
  // Never of a package with a strict profile: it would not have been packed.
  const auto unfixed = scan_program(*package.program()).value_or(std::vector<UnfixedInstruction>{});
  if (common.json) {
    auto instructions = nlohmann::ordered_json::array();
    for (const auto& instruction : unfixed)
      instructions.push_back({{"mnemonic", instruction.mnemonic},
                              {"symbol", instruction.symbol},
                              {"offset", instruction.offset},
                              {"address", instruction.address},
                              {"reason", instruction.reason}});
    print_json({{"file", path},
                {"name", package.name()},
                {"version", package.version()},
                {"digest", package.digest().str()},
                {"program", package.program_digest().str()},
                {"program_bytes", package.program()->size()},
                {"unfixed_instructions", std::move(instructions)},
                {"manifest", nlohmann::ordered_json::parse(package.manifest())}});
    return;
  }
  fmt::print("{}@{}\n  package {}\n  program {} ({} bytes)\n", package.name(), package.version(), package.digest().str(),
             package.program_digest().str(), package.program()->size());
  for (std::size_t i = 0; i < std::min(unfixed.size(), shown_instructions); ++i)
    fmt::print("  depends on the machine: {}\n", printable(describe(unfixed[i])));
  if (unfixed.size() > shown_instructions)
    fmt::print("  … and {} more such instructions\n", unfixed.size() - shown_instructions);
  const auto manifest = nlohmann::ordered_json::parse(package.manifest());
  for (const auto& [name, profile] : manifest.at("profiles").items()) {
    fmt::print("  profile {}: {}\n", name, printable(profile.value("description", "")));
    for (const auto& asked : profile.value("relaxations", nlohmann::ordered_json::array()))
      if (const auto relaxation = parse_sandbox_relaxation(asked.get<std::string>()))
        fmt::print("    asks for {}: {}\n", to_string(*relaxation), describe(*relaxation));
    for (const auto& [arg, schema] : profile.at("args").items())
      fmt::print("    {:<20} {:<8} {}\n", arg, schema.value("type", ""), printable(schema.value("description", "")));
  }
}

}  // namespace

int adapter_pack(const Common& common, const std::string& manifest, const std::string& program, const std::string& output) {
  const auto text = read_file(manifest, 1u << 20);
  if (!text) return complain(text.error(), common.json);
  const auto elf = read_file(program, max_adapter_package_bytes);
  if (!elf) return complain(elf.error(), common.json);
  auto package = pack_adapter(as_text(*text), *elf);
  if (!package) return complain({package.error().kind, manifest + ": " + package.error().message}, common.json);
  if (const auto written = write_file(output, *package); !written) return complain(written.error(), common.json);
  const auto opened = open_adapter(std::move(*package));
  if (!opened) return complain(opened.error(), common.json);
  show(common, **opened, output);
  return exit_ok;
}

int adapter_inspect(const Common& common, const std::string& path) {
  const auto package = load_adapter(path);
  if (!package) return complain(package.error(), common.json);
  show(common, **package, path);
  return exit_ok;
}

int digest(const Common& common, const std::string& file) {
  const auto content = read_file(file, 1u << 30);
  if (!content) return complain(content.error(), common.json);
  if (common.json)
    print_json({{"file", file}, {"digest", sha256(*content).str()}});
  else
    fmt::print("{}\n", sha256(*content).str());
  return exit_ok;
}

}  // namespace forgepool_cli
