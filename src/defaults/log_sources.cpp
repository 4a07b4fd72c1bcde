/// Where logs are read from, and the check of a hub's own store.
#include "wire/bundle.hpp"

#include <forgepool/defaults.hpp>

#include <filesystem>

namespace forgepool {
namespace {

constexpr std::size_t max_resource_bytes = tile_width * (max_leaf_bytes + 2);

constexpr std::size_t max_root_bytes = 1u << 20;

/// The key of a log that is only read. The private one may be under a passphrase, or in a token: nobody has to bring it.
class PublicHalf final : public Signer {
 public:
  explicit PublicHalf(PublicKey key) : key_(std::move(key)) {}
  const PublicKey& public_key() const override { return key_; }
  Result<Bytes> sign(ByteView) const override {
    return fail(ErrorKind::denied, "this ledger was opened for reading: its private key is not here");
  }

 private:
  const PublicKey key_;
};

/// Origin and log keys alone, from the trusted root that stands beside the private keys, wherever those are.
Result<HubIdentity> read_log_identity(const std::string& directory) {
  const auto text = read_file(directory + "/root.json", max_root_bytes);
  if (!text) return fail(text.error());
  const auto root = wire::read_trusted_root(as_text(*text));
  if (!root) return fail(ErrorKind::corrupt, directory + "/root.json: " + root.error().message);
  HubIdentity identity;
  identity.trust_domain = root->trust_domain;
  const auto half = [&](const std::string& vkey) -> Result<std::shared_ptr<Signer>> {
    auto key = parse_vkey(vkey);
    if (!key) return fail(ErrorKind::corrupt, directory + "/root.json: " + key.error().message);
    return std::make_shared<PublicHalf>(std::move(key->key));
  };
  auto current = half(root->log_vkey);
  if (!current) return fail(current.error());
  identity.log_key = std::move(*current);
  for (const auto& vkey : root->earlier_log_vkeys) {
    auto earlier = half(vkey);
    if (!earlier) return fail(earlier.error());
    EarlierKey key{};
    key.public_key = (*earlier)->public_key();
    key.until = Time::max();
    key.key = std::move(*earlier);
    identity.earlier_log_keys.push_back(std::move(key));
  }
  return identity;
}

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
  const auto identity = read_log_identity(hub_identity_directory(data_directory));
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
  Result<LedgerHead> shown = verify_checkpoint(as_text(*note), {(*ledger)->origin(), (*ledger)->key()});
  // The key may have been replaced since.
  for (auto key = identity->earlier_log_keys.begin(); key != identity->earlier_log_keys.end() && !shown; ++key)
    shown = verify_checkpoint(as_text(*note), {(*ledger)->origin(), key->public_key});
  if (!shown) return fail(shown.error());
  if (const auto checked = verify_tiled_log(published, *shown); !checked)
    return fail(checked.error().kind == ErrorKind::not_found ? ErrorKind::corrupt : checked.error().kind,
                "what is published: " + checked.error().message);
  return head;
}

}  // namespace forgepool
