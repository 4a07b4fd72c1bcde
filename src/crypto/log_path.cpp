/// Paths and bundles of C2SP tlog-tiles.
#include <forgepool/tiled_log.hpp>

#include <fmt/core.h>

#include <charconv>

namespace forgepool {
namespace {

constexpr unsigned max_level = 7;  // A log of 2^64 leaves has eight.

/// Three digits per path element, all but the last after an "x": 1234067 is "x001/x234/067".
std::string index_path(std::uint64_t index) {
  std::string path = fmt::format("{:03}", index % 1000);
  while ((index /= 1000) != 0) path = fmt::format("x{:03}/{}", index % 1000, path);
  return path;
}

std::optional<std::uint64_t> number(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string to_path(const LogResource& resource) {
  std::string path = resource.entries ? "tile/entries/" : fmt::format("tile/{}/", resource.level);
  path += index_path(resource.index);
  if (resource.width != tile_width) path += fmt::format(".p/{}", resource.width);
  return path;
}

Result<LogResource> parse_log_path(std::string_view path) {
  const auto refuse = [] {
    return fail(ErrorKind::invalid_input, "not a path of a tiled log: expected tile/<level>/<index> or tile/entries/<index>");
  };
  LogResource resource;
  std::string_view rest = path;
  if (path.size() > 100 || !rest.starts_with("tile/")) return refuse();
  rest.remove_prefix(5);
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return refuse();
  resource.entries = rest.substr(0, slash) == "entries";
  if (!resource.entries) {
    const auto level = number(rest.substr(0, slash));
    if (!level || *level > max_level) return refuse();
    resource.level = static_cast<unsigned>(*level);
  }
  rest.remove_prefix(slash + 1);
  if (const auto partial = rest.find(".p/"); partial != std::string_view::npos) {
    const auto width = number(rest.substr(partial + 3));
    if (!width || *width == 0 || *width >= tile_width) return refuse();
    resource.width = static_cast<std::size_t>(*width);
    rest = rest.substr(0, partial);
  }
  std::string digits;
  for (const char c : rest)
    if (c >= '0' && c <= '9') digits += c;
  const auto index = number(digits);
  if (!index) return refuse();
  resource.index = *index;
  // Whatever was lenient above: there is one spelling.
  if (to_path(resource) != path) return refuse();
  return resource;
}

std::vector<LogResource> log_resources(std::uint64_t size) {
  std::vector<LogResource> all;
  const auto add = [&](bool entries, unsigned level, std::uint64_t nodes) {
    for (std::uint64_t i = 0; i < nodes / tile_width; ++i) all.push_back({entries, level, i, tile_width});
    if (nodes % tile_width != 0)
      all.push_back({entries, level, nodes / tile_width, static_cast<std::size_t>(nodes % tile_width)});
  };
  add(true, 0, size);
  for (unsigned level = 0; level <= max_level && size >> (8 * level) != 0; ++level) add(false, level, size >> (8 * level));
  return all;
}

void append_entry(Bytes& bundle, ByteView leaf) {
  bundle.push_back(static_cast<std::uint8_t>(leaf.size() >> 8));
  bundle.push_back(static_cast<std::uint8_t>(leaf.size()));
  bundle.insert(bundle.end(), leaf.begin(), leaf.end());
}

Result<std::vector<ByteView>> parse_entries(ByteView bundle, std::size_t width) {
  std::vector<ByteView> entries;
  entries.reserve(width);
  const auto malformed = [&] {
    return fail(ErrorKind::corrupt, fmt::format("an entry bundle does not hold exactly {} whole entries", width));
  };
  while (entries.size() < width) {
    if (bundle.size() < 2) return malformed();
    const std::size_t size = std::size_t{bundle[0]} << 8 | bundle[1];
    if (bundle.size() - 2 < size) return malformed();
    entries.push_back(bundle.subspan(2, size));
    bundle = bundle.subspan(2 + size);
  }
  if (!bundle.empty()) return malformed();
  return entries;
}

}  // namespace forgepool
