#include "identity/key_store.hpp"

#include <forgepool/ids.hpp>

#include <map>

namespace forgepool::identity {
namespace {

class MemoryKeyStore final : public KeyStore {
 public:
  Status put_key(std::string_view name, const PrivateKey& key) override {
    if (auto status = check_free(name); !status) return status;
    signers_.emplace(name, key.signer());
    return {};
  }

  Status put_text(std::string_view name, std::string_view text) override {
    if (auto status = check_free(name); !status) return status;
    texts_.emplace(name, text);
    return {};
  }

  Result<std::shared_ptr<Signer>> signer(std::string_view name) const override {
    if (const auto found = signers_.find(name); found != signers_.end()) return found->second;
    if (texts_.contains(name)) return fail(ErrorKind::corrupt, std::string(name) + " is not a key");
    return missing(name);
  }

  Result<std::string> text(std::string_view name) const override {
    if (const auto found = texts_.find(name); found != texts_.end()) return found->second;
    return missing(name);
  }

 private:
  Status check_free(std::string_view name) const {
    if (!is_valid_id(name)) return fail(ErrorKind::invalid_input, "malformed name of a key");
    if (signers_.contains(name) || texts_.contains(name))
      return fail(ErrorKind::conflict, std::string(name) + " exists already, and keys are never overwritten");
    return {};
  }
  static tl::unexpected<Error> missing(std::string_view name) {
    return fail(ErrorKind::not_found, "no key or text named " + std::string(name));
  }

  std::map<std::string, std::shared_ptr<Signer>, std::less<>> signers_;
  std::map<std::string, std::string, std::less<>> texts_;
};

}  // namespace

std::unique_ptr<KeyStore> make_memory_key_store() {
  return std::make_unique<MemoryKeyStore>();
}

}  // namespace forgepool::identity
