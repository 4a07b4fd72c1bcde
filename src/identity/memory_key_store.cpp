#include <forgepool/backends/memory_key_store.hpp>

#include "identity/key_epochs.hpp"

#include <algorithm>
#include <map>
#include <mutex>

namespace forgepool {
namespace {

class MemoryKeyStore final : public KeyStore {
 public:
  std::string name() const override { return "memory"; }

  Result<KeyInfo> generate(KeyPurpose purpose, Time now) override {
    const auto key = generate_key(algorithm_of(purpose));
    if (!key) return fail(key.error());
    return adopt(purpose, *key, now);
  }

  Result<KeyInfo> adopt(KeyPurpose purpose, const std::shared_ptr<Signer>& key, Time now) override {
    if (const auto checked = identity::check_adoptable(purpose, key); !checked) return fail(checked.error());
    const std::lock_guard lock(mutex_);
    const KeyId id{purpose, identity::next_epoch(taken_, purpose)};
    taken_.push_back(id);
    const KeyInfo info{id, std::chrono::floor<std::chrono::seconds>(now), key->public_key()};
    keys_.emplace(id, Held{info, key});
    return info;
  }

  Result<std::vector<KeyInfo>> keys() const override {
    const std::lock_guard lock(mutex_);
    std::vector<KeyInfo> infos;
    for (const auto& [id, held] : keys_) infos.push_back(held.info);
    return infos;
  }

  Result<std::shared_ptr<Signer>> signer(const KeyId& id) const override {
    const std::lock_guard lock(mutex_);
    if (const auto found = keys_.find(id); found != keys_.end()) return found->second.signer;
    return missing(id.str());
  }

  Status destroy(const KeyId& id) override {
    const std::lock_guard lock(mutex_);
    if (keys_.erase(id) == 0) return missing(id.str());
    return {};
  }

  Status put_text(std::string_view name, std::string_view text) override {
    const std::lock_guard lock(mutex_);
    if (texts_.contains(name)) return fail(ErrorKind::conflict, std::string(name) + " exists already");
    return put(name, text);
  }
  Status replace_text(std::string_view name, std::string_view text) override {
    const std::lock_guard lock(mutex_);
    return put(name, text);
  }
  Result<std::string> text(std::string_view name) const override {
    if (const auto valid = identity::check_text_name(name); !valid) return fail(valid.error());
    const std::lock_guard lock(mutex_);
    if (const auto found = texts_.find(name); found != texts_.end()) return found->second;
    return missing(name);
  }

 private:
  struct Held {
    KeyInfo info;
    std::shared_ptr<Signer> signer;
  };

  Status put(std::string_view name, std::string_view text) {
    if (const auto valid = identity::check_text_name(name); !valid) return valid;
    texts_.insert_or_assign(std::string(name), std::string(text));
    return {};
  }
  static tl::unexpected<Error> missing(std::string_view name) {
    return fail(ErrorKind::not_found, "no key or text named " + std::string(name));
  }

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::map<KeyId, Held> keys_;
  std::vector<KeyId> taken_;
  std::map<std::string, std::string, std::less<>> texts_;
};

}  // namespace

std::unique_ptr<KeyStore> make_memory_key_store() {
  return std::make_unique<MemoryKeyStore>();
}

}  // namespace forgepool
