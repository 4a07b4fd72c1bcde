/// Where logs are read from, and the check of a hub's own store.
#include <forgepool/defaults.hpp>

#include <filesystem>

namespace forgepool {
namespace {

constexpr std::size_t max_resource_bytes = tile_width * (max_leaf_bytes + 2);

Result<Bytes> read_resource(const Ledger& ledger, const std::string& path) {
  const auto resource = parse_log_path(path);
  if (!resource) return fail(resource.error());
  if (!resource->entries) return ledger.hash_tile(resource->level, resource->index, resource->width);
  const auto leaves = ledger.leaves(resource->index * tile_width, resource->width);
  if (!leaves) return fail(leaves.error());
  Bytes bundle;
  for (const Bytes& leaf : *leaves) append_entry(bundle, leaf);
  return bundle;
}

}  // namespace

LogFetch log_in_ledger(const Ledger& ledger) {
  return [&ledger](const std::string& path) { return read_resource(ledger, path); };
}

LogFetch log_in_folder(std::string folder) {
  return [folder = std::move(folder)](const std::string& path) -> Result<Bytes> {
    if (path != "checkpoint")
      if (const auto resource = parse_log_path(path); !resource) return fail(resource.error());
    return read_file(folder + "/" + path, max_resource_bytes);
  };
}

Result<LedgerHead> check_hub_ledger(const std::string& data_directory) {
  const auto identity = load_hub_identity(hub_identity_directory(data_directory));
  if (!identity) return fail(identity.error());
  // Nothing is made here: a check that finds no ledger says so.
  const auto store = hub_ledger_store(data_directory);
  if (!store) return fail(ErrorKind::not_found, data_directory + " holds no ledger");
  const auto ledger = open_hub_ledger(data_directory, *identity, *store);
  if (!ledger) return fail(ledger.error());
  const LedgerHead head = (*ledger)->head();
  if (const auto checked = verify_tiled_log(log_in_ledger(**ledger), head); !checked) return fail(checked.error());
  if (*store != LedgerStore::tiles) return head;
  // What others are served must be the same, up to the checkpoint that they were given.
  const LogFetch published = log_in_folder(hub_tiles_path(data_directory) + "/public");
  const auto note = published("checkpoint");
  if (!note) return note.error().kind == ErrorKind::not_found ? Result<LedgerHead>(head) : fail(note.error());
  const auto shown = verify_checkpoint(as_text(*note), {(*ledger)->origin(), (*ledger)->key()});
  if (!shown) return fail(shown.error());
  if (const auto checked = verify_tiled_log(published, *shown); !checked)
    return fail(checked.error().kind == ErrorKind::not_found ? ErrorKind::corrupt : checked.error().kind,
                "what is published: " + checked.error().message);
  return head;
}

}  // namespace forgepool
