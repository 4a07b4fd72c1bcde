#pragma once
/// The key stores that the suite runs on, each in a place of its own.
#include <forgepool/key_store.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace forgepool::testing {

class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path path;
};

struct Backend {
  std::string name;
  std::unique_ptr<KeyStore> store;
  /// Opens what is there anew; null for stores that live in memory.
  std::function<std::unique_ptr<KeyStore>()> reopen;
  bool adopts = true;
};

/// `skipped` says why a backend is not among them.
std::vector<Backend> make_backends(const Folder& folder, std::string& skipped);

/// SoftHSM's library, and the label of a fresh token with the PIN "1234". Empty if there is no SoftHSM here.
struct Token {
  std::string module, label;
};
Token take_token();

}  // namespace forgepool::testing
