/// A witness that keeps its key and what it saw in a directory.
#include <forgepool/defaults.hpp>

#include "identity/key_store.hpp"

#include <filesystem>

namespace forgepool {
namespace {

constexpr std::string_view key_name = "witness.key";
constexpr std::size_t max_checkpoint_bytes = 1u << 20;

std::string checkpoint_path(const std::string& directory, std::string_view origin) {
  return directory + "/" + sha256(origin).hex() + ".checkpoint";
}

Result<std::shared_ptr<Signer>> key_in(const std::string& directory) {
  std::error_code error;
  if (!std::filesystem::exists(directory, error)) {
    const auto made = identity::make_key_directory(directory);
    if (!made) return fail(made.error());
    const auto fresh = PrivateKey::generate(KeyAlgorithm::ed25519);
    if (!fresh) return fail(fresh.error());
    if (const auto kept = (*made)->put_key(key_name, *fresh); !kept) return fail(kept.error());
  }
  const auto store = identity::open_key_directory(directory);
  if (!store) return fail(store.error());
  return (*store)->signer(key_name);
}

}  // namespace

Result<std::unique_ptr<Witness>> open_witness(const std::string& directory, const std::string& name,
                                              std::vector<VerifierKey> logs) {
  auto key = key_in(directory);
  if (!key) return fail(key.error());
  Witness::Options options{name, std::move(*key), logs, [directory](const std::string& origin, const std::string& checkpoint) {
                             return write_file(checkpoint_path(directory, origin), as_bytes(checkpoint));
                           }};
  auto witness = Witness::make(std::move(options));
  if (!witness) return witness;
  for (const VerifierKey& log : logs) {
    const auto kept = read_file(checkpoint_path(directory, log.name), max_checkpoint_bytes);
    if (!kept && kept.error().kind == ErrorKind::not_found) continue;
    if (!kept) return fail(kept.error());
    if (const auto restored = (*witness)->restore(as_text(*kept)); !restored)
      return fail(restored.error().kind, checkpoint_path(directory, log.name) + ": " + restored.error().message);
  }
  return witness;
}

}  // namespace forgepool
