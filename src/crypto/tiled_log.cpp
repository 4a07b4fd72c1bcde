/// Reading a log that somebody else serves.
#include <forgepool/tiled_log.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <map>

namespace forgepool {
namespace {

tl::unexpected<Error> damaged(const std::string& path, std::string_view why) {
  return fail(ErrorKind::corrupt, path + ": " + std::string(why));
}

/// A resource as a log of `size` leaves has it now: partial where it is not full yet. A partial one may be gone when the log
/// has grown: then the full one begins with it.
Result<Bytes> fetch_resource(const LogFetch& fetch, LogResource resource, std::string& path) {
  path = to_path(resource);
  auto content = fetch(path);
  if (content || content.error().kind != ErrorKind::not_found || resource.width == tile_width) return content;
  LogResource full = resource;
  full.width = tile_width;
  content = fetch(to_path(full));
  if (!content) return content;
  path = to_path(full);
  if (!resource.entries) {
    if (content->size() < resource.width * sizeof(Digest)) return damaged(path, "is shorter than a tile");
    content->resize(resource.width * sizeof(Digest));
    return content;
  }
  const auto entries = parse_entries(*content, tile_width);
  if (!entries) return damaged(path, entries.error().message);
  Bytes first;
  for (std::size_t i = 0; i < resource.width; ++i) append_entry(first, (*entries)[i]);
  return first;
}

Result<std::vector<Digest>> fetch_tile(const LogFetch& fetch, const LogResource& resource) {
  std::string path;
  const auto content = fetch_resource(fetch, resource, path);
  if (!content) return fail(content.error().kind, path + ": " + content.error().message);
  if (content->size() != resource.width * sizeof(Digest))
    return damaged(path, fmt::format("has {} bytes, expected {}", content->size(), resource.width * sizeof(Digest)));
  std::vector<Digest> hashes(resource.width);
  for (std::size_t i = 0; i < hashes.size(); ++i)
    std::ranges::copy(ByteView(*content).subspan(i * sizeof(Digest), sizeof(Digest)), hashes[i].bytes.begin());
  return hashes;
}

/// Rebuilds the tree level by level, in memory for one tile each, and holds each tile against it as it becomes complete.
class Rebuild {
 public:
  explicit Rebuild(const LogFetch& fetch) : fetch_(fetch) {}

  Status add(const Digest& hash, unsigned level = 0) {
    if (level == levels_.size()) levels_.emplace_back();
    levels_[level].hashes.push_back(hash);
    if (levels_[level].hashes.size() < tile_width) return {};
    if (auto same = compare(level); !same) return same;
    const Digest root = merkle_root(levels_[level].hashes);
    levels_[level].hashes.clear();
    ++levels_[level].index;
    return add(root, level + 1);
  }

  /// The root, once the partial tiles fit, too.
  Result<Digest> finish() {
    std::optional<Digest> root;
    for (unsigned level = 0; level < levels_.size(); ++level) {
      if (levels_[level].hashes.empty()) continue;
      if (const auto same = compare(level); !same) return fail(same.error());
      // From the right: what is above and to the left is a left sibling of everything so far.
      std::span<const Digest> rest(levels_[level].hashes);
      while (!rest.empty()) {
        const std::size_t last = rest.size() & ~(rest.size() - 1);  // The smallest complete subtree at the right end.
        const Digest subtree = merkle_root(rest.last(last));
        root = root ? node_hash(subtree, *root) : subtree;
        rest = rest.first(rest.size() - last);
      }
    }
    return root.value_or(merkle_root({}));
  }

 private:
  struct Level {
    std::vector<Digest> hashes;
    std::uint64_t index = 0;
  };

  Status compare(unsigned level) {
    const LogResource resource{false, level, levels_[level].index, levels_[level].hashes.size()};
    const auto tile = fetch_tile(fetch_, resource);
    if (!tile) return fail(tile.error());
    const auto differs = std::ranges::mismatch(*tile, levels_[level].hashes).in1;
    if (differs == tile->end()) return {};
    return damaged(to_path(resource), fmt::format("hash {} is not that of what is below it", differs - tile->begin()));
  }

  const LogFetch& fetch_;
  std::vector<Level> levels_;
};

/// Nodes of the tree of `size` leaves, from its tiles.
class TileNodes {
 public:
  TileNodes(const LogFetch& fetch, std::uint64_t size) : fetch_(fetch), size_(size) {}

  /// Root of the leaves [begin, end), begin being a multiple of the smallest power of two that is at least end - begin.
  Result<Digest> range(std::uint64_t begin, std::uint64_t end) {
    std::vector<Digest> complete;
    while (begin < end) {
      const unsigned height = static_cast<unsigned>(std::bit_width(end - begin)) - 1;
      const auto subtree = node(height, begin >> height);
      if (!subtree) return subtree;
      complete.push_back(*subtree);
      begin += std::uint64_t{1} << height;
    }
    Digest root = complete.back();
    for (std::size_t i = complete.size() - 1; i-- > 0;) root = node_hash(complete[i], root);
    return root;
  }

 private:
  Result<Digest> node(unsigned height, std::uint64_t index) {
    const unsigned level = height / 8, inside = height % 8;
    const std::uint64_t first = index << inside, nodes = size_ >> (8 * level);
    const LogResource resource{
        false, level, first / tile_width,
        static_cast<std::size_t>(std::min<std::uint64_t>(tile_width, nodes - first / tile_width * tile_width))};
    auto& tile = tiles_[{level, resource.index}];
    if (tile.empty()) {
      auto fetched = fetch_tile(fetch_, resource);
      if (!fetched) return fail(fetched.error());
      tile = std::move(*fetched);
    }
    return merkle_root(std::span(tile).subspan(static_cast<std::size_t>(first % tile_width), std::size_t{1} << inside));
  }

  const LogFetch& fetch_;
  const std::uint64_t size_;
  std::map<std::pair<unsigned, std::uint64_t>, std::vector<Digest>> tiles_;
};

std::uint64_t split(std::uint64_t count) {
  return std::bit_floor(count - 1);
}

}  // namespace

Status verify_tiled_log(const LogFetch& fetch, const LedgerHead& head,
                        const std::function<void(std::uint64_t, ByteView)>& visit) {
  Rebuild rebuild(fetch);
  for (std::uint64_t first = 0; first < head.size; first += tile_width) {
    const LogResource resource{true, 0, first / tile_width,
                               static_cast<std::size_t>(std::min<std::uint64_t>(tile_width, head.size - first))};
    std::string path;
    const auto bundle = fetch_resource(fetch, resource, path);
    if (!bundle) return fail(bundle.error().kind, path + ": " + bundle.error().message);
    const auto entries = parse_entries(*bundle, resource.width);
    if (!entries) return damaged(path, entries.error().message);
    for (const ByteView entry : *entries)
      if (auto fits = rebuild.add(leaf_hash(entry)); !fits) return fits;
    for (std::size_t i = 0; visit && i < entries->size(); ++i) visit(first + i, (*entries)[i]);
  }
  const auto root = rebuild.finish();
  if (!root) return fail(root.error());
  if (*root != head.root)
    return fail(ErrorKind::corrupt, fmt::format("the {} entries have the root {}, but the checkpoint says {}", head.size,
                                                root->hex(), head.root.hex()));
  return {};
}

Result<MerklePath> prove_inclusion(const LogFetch& fetch, std::uint64_t index, const LedgerHead& head) {
  if (index >= head.size) return fail(ErrorKind::invalid_input, fmt::format("no entry {} in a log of {}", index, head.size));
  TileNodes nodes(fetch, head.size);
  MerklePath path;
  for (std::uint64_t begin = 0, end = head.size; end - begin > 1;) {
    const std::uint64_t middle = begin + split(end - begin);
    const auto sibling = index < middle ? nodes.range(middle, end) : nodes.range(begin, middle);
    if (!sibling) return fail(sibling.error());
    path.insert(path.begin(), *sibling);
    (index < middle ? end : begin) = middle;
  }
  const auto leaf = nodes.range(index, index + 1);
  if (!leaf) return fail(leaf.error());
  if (const auto verified = verify_inclusion(*leaf, index, head, path); !verified) return fail(verified.error());
  return path;
}

Result<MerklePath> prove_consistency(const LogFetch& fetch, const LedgerHead& older, const LedgerHead& head) {
  if (older.size == 0 || older.size > head.size)
    return fail(ErrorKind::invalid_input, fmt::format("no consistency proof from {} to {} entries", older.size, head.size));
  TileNodes nodes(fetch, head.size);
  MerklePath path;
  std::uint64_t begin = 0, end = head.size;
  while (end != older.size) {
    const std::uint64_t middle = begin + split(end - begin);
    const bool left = older.size <= middle;
    const auto other = left ? nodes.range(middle, end) : nodes.range(begin, middle);
    if (!other) return fail(other.error());
    path.insert(path.begin(), *other);
    (left ? end : begin) = middle;
  }
  if (begin != 0) {
    const auto rest = nodes.range(begin, end);
    if (!rest) return fail(rest.error());
    path.insert(path.begin(), *rest);
  }
  if (const auto verified = verify_consistency(older, head, path); !verified)
    return fail(ErrorKind::corrupt,
                fmt::format("THE LOG WAS REWRITTEN: its {} entries do not begin with the {} that were signed "
                            "before: {}",
                            head.size, older.size, verified.error().message));
  return path;
}

}  // namespace forgepool
