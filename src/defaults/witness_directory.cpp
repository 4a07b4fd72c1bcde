/// A witness that keeps its key and what it saw in a directory.
#include <forgepool/backends/file_key_store.hpp>
#include <forgepool/defaults.hpp>

namespace forgepool {
namespace {

// It signs checkpoints, as a log's does.
constexpr KeyId witness_key{KeyPurpose::log, 1};
constexpr std::size_t max_checkpoint_bytes = 1u << 20;

std::string checkpoint_path(const std::string& directory, std::string_view origin) {
  return directory + "/" + sha256(origin).hex() + ".checkpoint";
}

Result<std::shared_ptr<Signer>> key_in(const std::string& directory) {
  const auto store = make_file_key_store({directory});
  if (!store) return fail(store.error());
  auto key = (*store)->signer(witness_key);
  if (key || key.error().kind != ErrorKind::not_found) return key;
  if (const auto made = (*store)->generate(witness_key.purpose, std::chrono::system_clock::now()); !made)
    return fail(made.error());
  return (*store)->signer(witness_key);
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
