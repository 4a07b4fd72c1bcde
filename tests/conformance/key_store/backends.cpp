#include "backends.hpp"

#include <forgepool/backends/file_key_store.hpp>
#include <forgepool/backends/memory_key_store.hpp>
#include <forgepool/backends/pkcs11_key_store.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <fstream>

namespace forgepool::testing {

namespace fs = std::filesystem;

Folder::Folder() {
  std::string pattern = fs::temp_directory_path() / "forgepool-keys-XXXXXX";
  path = ::mkdtemp(pattern.data());
}
Folder::~Folder() {
  fs::remove_all(path);
}

namespace {

std::unique_ptr<KeyStore> need(Result<std::unique_ptr<KeyStore>> store) {
  if (!store) FAIL(store.error().message);
  return std::move(*store);
}

}  // namespace

Token take_token() {
  // SoftHSM looks for configuration and tokens once per process: all tokens of a run are made before it is loaded.
  static const Folder tokens;
  static std::vector<Token> free = [] {
    std::vector<Token> made;
    std::string module;
    for (const char* place : {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"})
      if (fs::exists(place)) module = place;
    std::ofstream(tokens.path / "softhsm2.conf")
        << "directories.tokendir = " << tokens.path.string() << "\nlog.level = ERROR\n";
    if (module.empty() || ::setenv("SOFTHSM2_CONF", (tokens.path / "softhsm2.conf").c_str(), 1) != 0) return made;
    for (int i = 0; i < 12; ++i) {
      const std::string label = "token-" + std::to_string(i);
      if (std::system(
              ("softhsm2-util --init-token --free --label " + label + " --so-pin 123456 --pin 1234 >/dev/null 2>&1").c_str()) !=
          0)
        break;
      made.push_back({module, label});
    }
    return made;
  }();
  if (free.empty()) return {};
  const Token token = free.back();
  free.pop_back();
  return token;
}

std::vector<Backend> make_backends(const Folder& folder, std::string& skipped) {
  std::vector<Backend> backends;
  backends.push_back({"memory", make_memory_key_store(), nullptr});
  const std::string plain = folder.path / "plain", sealed = folder.path / "sealed";
  backends.push_back({"files", need(make_file_key_store({plain})), [=] { return need(open_file_key_store({plain})); }});
  backends.push_back({"encrypted files", need(make_file_key_store({sealed, "correct horse"})), [=] {
                        return need(open_file_key_store({sealed, "correct horse"}));
                      }});
  if (const Token token = take_token(); !token.module.empty()) {
    const Pkcs11KeyStoreOptions options{token.module, token.label, "1234"};
    backends.push_back(
        {"PKCS#11", need(open_pkcs11_key_store(options)), [=] { return need(open_pkcs11_key_store(options)); }, false});
  } else {
    skipped = "PKCS#11: no SoftHSM here, or it could not make a token";
  }
  return backends;
}

}  // namespace forgepool::testing
