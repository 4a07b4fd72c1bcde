/// Brings back the keys of content, and what is kept under them that is no job's.
#include "hub/hub_core.hpp"

#include <algorithm>

namespace forgepool::hub {

Status HubCore::restore_keys(const Ledger& ledger) {
  auto& signers = parts_.identity.content_keys;
  if (const auto& store = parts_.identity.store) {
    // The identity may be an older copy than what a hub before this one left in the store.
    const auto keys = store->keys();
    if (!keys) return fail(keys.error());
    signers.clear();
    for (const auto& info : *keys) {
      if (info.id.purpose != KeyPurpose::content) continue;
      auto signer = store->signer(info.id);
      if (!signer) return fail(signer.error());
      signers.emplace(info.id.epoch, std::move(*signer));
    }
  }
  if (signers.empty()) return fail(ErrorKind::invalid_input, "the hub's identity has no content key");
  const auto stored = ledger.read(input_names_key);
  if (!stored) return fail(stored.error());
  const auto in_place = [](Error error) { return fail(error.kind, "state record input_names: " + error.message); };
  std::uint32_t epoch = signers.rbegin()->first;
  if (*stored) {
    const auto found = epoch_of_wrapped(**stored);
    if (!found) return in_place(found.error());
    epoch = *found;
  }
  const auto signer = signers.find(epoch);
  if (signer == signers.end())
    return fail(ErrorKind::corrupt, "what jobs left in the ledger is encrypted under content-" + std::to_string(epoch) +
                                        ", which is not in the key store: ledger and keys do not belong together");
  auto wrapping = WrappingKey::of(*signer->second, epoch);
  if (!wrapping) return fail(wrapping.error());
  wrapping_ = std::move(*wrapping);
  if (*stored) {
    auto secret = wrapping_.unwrap(input_names_key, **stored);
    if (!secret) return in_place(secret.error());
    input_names_ = std::make_shared<const ContentKey>(std::move(*secret));
  } else {
    input_names_ = ContentKey::make(parts_.random);
    keep_wrapped(std::string(input_names_key), input_names_->bytes());
  }
  const auto disposal = ledger.read(disposal_key);
  if (!disposal) return fail(disposal.error());
  // A hub that died over it; or one that died before it had destroyed the key of the epoch before.
  if (*disposal || signers.size() > 1) {
    ++deleted_;
    disposal_due_ = Time{};
  }
  return {};
}

Status HubCore::restore_inputs(const Ledger& ledger) {
  std::map<Digest, Digest> digests;  // By name.
  const auto secrets = scan_records(ledger, "input_secret/", [&](std::string_view hex, std::string_view wrapped) -> Status {
    const auto name = Digest::parse(hex);
    if (!name) return fail(ErrorKind::corrupt, name.error().message);
    const auto secret = wrapping_.unwrap(input_secret_key(*name), as_bytes(wrapped));
    if (!secret) return fail(secret.error());
    Digest digest;
    if (secret->view().size() != content_key_bytes + digest.bytes.size())
      return fail(ErrorKind::corrupt, "it is not the key of an input");
    std::ranges::copy(secret->view().subspan(content_key_bytes), digest.bytes.begin());
    const auto key = secret->view().first(content_key_bytes);
    inputs_[digest].key = std::make_shared<const ContentKey>(SecretBytes(Bytes(key.begin(), key.end())));
    digests.emplace(*name, digest);
    return {};
  });
  if (!secrets) return secrets;
  const auto find = [&](std::string_view hex) -> Input* {
    const auto name = Digest::parse(hex);
    const auto digest = name ? digests.find(*name) : digests.end();
    return digest == digests.end() ? nullptr : &inputs_.at(digest->second);
  };
  const auto contents = scan_records(ledger, "input/", [&](std::string_view hex, std::string_view sealed) -> Status {
    Input* input = find(hex);
    if (!input || sealed.size() < sealing_bytes) return fail(ErrorKind::corrupt, "it is an input whose key is missing");
    input->bytes = sealed.size() - sealing_bytes;
    return {};
  });
  if (!contents) return contents;
  const auto claims = scan_records(ledger, "input_owner/", [&](std::string_view key, std::string_view record) -> Status {
    const auto slash = std::min(key.find('/'), key.size());
    Input* input = find(key.substr(0, slash));
    if (!input || slash == key.size()) return fail(ErrorKind::corrupt, "it names no input that is there");
    const auto uploaded = read_claim(record);
    if (!uploaded) return fail(uploaded.error());
    std::string owner(key.substr(slash + 1));
    Claim& claim = input->claims[owner];
    claim.uploaded_at = *uploaded;
    keep_upload(digests.at(*Digest::parse(key.substr(0, slash))), owner, claim);
    return {};
  });
  if (!claims) return claims;
  for (const auto& [digest, input] : inputs_) {
    if (input.claims.empty()) return fail(ErrorKind::corrupt, "an input in the store is nobody's");
    input_bytes_ += cost_of(input);
  }
  return {};
}

}  // namespace forgepool::hub
