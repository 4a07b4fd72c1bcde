#include "sandbox/strict/machine_settings.hpp"

#include <catch2/catch_test_macros.hpp>

#include <map>

namespace forgepool::sandbox::strict {
namespace {

using Settings = std::map<std::string, std::string, std::less<>>;

const Settings usual{{"overcommit_memory", "0\n"}, {"max_map_count", "65530\n"}, {"mmap_min_addr", "65536\n"}};

std::vector<SandboxMechanism> unfit(const Settings& settings) {
  return unfit_settings([&](std::string_view name) -> std::optional<std::string> {
    const auto found = settings.find(name);
    return found == settings.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST_CASE("settings as machines come with them, or more generous ones, are fit for strict programs") {
  CHECK(unfit(usual).empty());
  auto generous = usual;
  generous["max_map_count"] = "1048576\n";
  generous["overcommit_memory"] = "1\n";
  generous["mmap_min_addr"] = "4096\n";
  CHECK(unfit(generous).empty());
}

TEST_CASE("a setting that strict programs could feel is named, with what it is and how to change it") {
  for (const auto& [name, value, remedy] : {std::tuple("overcommit_memory", "2\n", "sysctl -w vm.overcommit_memory=1"),
                                            std::tuple("max_map_count", "1000\n", "sysctl -w vm.max_map_count=65530"),
                                            std::tuple("mmap_min_addr", "131072\n", "sysctl -w vm.mmap_min_addr=65536")}) {
    auto settings = usual;
    settings[name] = value;
    const auto found = unfit(settings);
    REQUIRE(found.size() == 1);
    CHECK_FALSE(found[0].available);
    CHECK(found[0].name == std::string("vm.") + name);
    CHECK(found[0].remedy == remedy);
    CHECK(found[0].detail.starts_with("is " + std::string(value, std::string_view(value).size() - 1)));
  }
}

TEST_CASE("a setting that cannot be read is not taken for a good one") {
  auto settings = usual;
  settings.erase("overcommit_memory");
  settings["max_map_count"] = "unlimited";
  CHECK(unfit(settings).size() == 2);
}

}  // namespace
}  // namespace forgepool::sandbox::strict
