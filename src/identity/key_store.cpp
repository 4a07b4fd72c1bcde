#include <forgepool/key_store.hpp>

#include "identity/key_epochs.hpp"

#include <array>
#include <charconv>

namespace forgepool {
namespace {

constexpr std::array purposes{
    std::pair{KeyPurpose::ca, std::string_view("ca")},       std::pair{KeyPurpose::hub, std::string_view("hub")},
    std::pair{KeyPurpose::token, std::string_view("token")}, std::pair{KeyPurpose::log, std::string_view("log")},
    std::pair{KeyPurpose::node, std::string_view("node")},   std::pair{KeyPurpose::content, std::string_view("content")}};

}  // namespace

std::string_view to_string(KeyPurpose purpose) {
  for (const auto& [value, name] : purposes)
    if (value == purpose) return name;
  return "unknown";
}

KeyAlgorithm algorithm_of(KeyPurpose purpose) {
  const bool edwards = purpose == KeyPurpose::token || purpose == KeyPurpose::log || purpose == KeyPurpose::content;
  return edwards ? KeyAlgorithm::ed25519 : KeyAlgorithm::ecdsa_p256;
}

std::string KeyId::str() const {
  return std::string(to_string(purpose)) + "-" + std::to_string(epoch);
}

Result<KeyId> KeyId::parse(std::string_view text) {
  const auto dash = text.find('-');
  const auto name = text.substr(0, dash);
  const auto digits = dash == text.npos ? std::string_view() : text.substr(dash + 1);
  for (const auto& [purpose, expected] : purposes) {
    if (name != expected || digits.empty() || digits.front() == '0') continue;
    KeyId id{purpose, 0};
    const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id.epoch);
    if (error == std::errc() && rest == digits.data() + digits.size()) return id;
  }
  return fail(ErrorKind::invalid_input,
              "malformed name of a key: expected ca, hub, token, log, node or content, a dash and the epoch, like token-2");
}

namespace identity {

Status check_text_name(std::string_view name) {
  if (!is_valid_id(name) || name.ends_with(".key") || name.ends_with(".destroyed") || name.ends_with(".new") ||
      name == "passphrase")
    return fail(ErrorKind::invalid_input, "malformed name of a text beside keys");
  return {};
}

std::uint32_t next_epoch(const std::vector<KeyId>& taken, KeyPurpose purpose) {
  std::uint32_t last = 0;
  for (const auto& id : taken)
    if (id.purpose == purpose) last = std::max(last, id.epoch);
  return last + 1;
}

Status check_adoptable(KeyPurpose purpose, const std::shared_ptr<Signer>& key) {
  if (!key) return fail(ErrorKind::invalid_input, "there is no key to keep");
  if (key->public_key().algorithm != algorithm_of(purpose))
    return fail(ErrorKind::invalid_input,
                "a key for " + std::string(to_string(purpose)) + " is " +
                    (algorithm_of(purpose) == KeyAlgorithm::ed25519 ? "an Ed25519 key" : "a P-256 key"));
  return {};
}

}  // namespace identity
}  // namespace forgepool
