/// forgepool/credentials.hpp: the same in directories. A directory appears whole or not at all.
#include <forgepool/credentials.hpp>

#include <forgepool/backends/file_key_store.hpp>

#include "crypto/keys.hpp"
#include "identity/svid.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace forgepool {
namespace {

/// Makes a rename in `path` durable.
Status sync_directory(const std::filesystem::path& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = directory >= 0 && ::fsync(directory) == 0;
  const int error = errno;
  if (directory >= 0) ::close(directory);
  if (!synced) return fail(ErrorKind::internal, "cannot make " + path.string() + " durable: " + std::strerror(error));
  return {};
}

/// Fills a directory beside `path` and renames it into place.
Status save_directory(std::string path, const std::function<Status(KeyStore&)>& fill) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  struct stat existing {};
  if (::stat(path.c_str(), &existing) == 0)
    return fail(ErrorKind::conflict,
                path + " exists already; nothing is overwritten: choose another directory or remove it first");
  const std::string partial = path + ".partial-" + std::to_string(::getpid());
  std::error_code ignored;
  std::filesystem::remove_all(partial, ignored);  // Left by a process of the same number that crashed.
  auto store = make_file_key_store({partial});
  if (!store) return fail(store.error());
  auto filled = fill(**store);
  if (filled && std::rename(partial.c_str(), path.c_str()) != 0)
    filled = fail(ErrorKind::internal, "cannot rename " + partial + " to " + path + ": " + std::strerror(errno));
  if (!filled) {
    std::filesystem::remove_all(partial, ignored);
    return filled;
  }
  return sync_directory(std::filesystem::absolute(path).parent_path());
}

std::string chain_to_pem(const std::vector<Bytes>& chain) {
  std::string text;
  for (const auto& certificate : chain) text += certificate_to_pem(certificate);
  return text;
}

Result<std::vector<Bytes>> read_certificates(const KeyStore& store, std::string_view name) {
  const auto text = store.text(name);
  if (!text) return fail(text.error());
  auto chain = certificate_chain_from_pem(*text);
  if (!chain) return fail(chain.error());
  if (chain->empty()) return fail(ErrorKind::corrupt, store.name() + ": " + std::string(name) + " holds no certificate");
  return chain;
}

/// What fits together on disk must fit together in use: the key is the certificate's.
Result<identity::Svid> svid_of(const TransportIdentity& identity, const std::string& where) {
  if (identity.certificate_chain.empty()) return fail(ErrorKind::corrupt, where + " holds no certificate");
  auto certificate = parse_certificate(identity.certificate_chain.front());
  if (!certificate) return fail(certificate.error());
  auto svid = identity::check_svid_profile(std::move(*certificate));
  if (!svid) return fail(svid.error());
  if (svid->certificate.key != identity.key->public_key())
    return fail(ErrorKind::corrupt, where + ": the key and the certificate do not belong together");
  return svid;
}

std::string pins_to_text(const std::vector<Digest>& pins) {
  std::string text;
  for (const auto& pin : pins) text += pin.hex() + "\n";
  return text;
}

Result<std::vector<Digest>> read_pins(std::string_view text, const std::string& where) {
  std::vector<Digest> pins;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto pin = Digest::parse(text.substr(0, end));
    if (!pin) return fail(ErrorKind::corrupt, where + ": " + pin.error().message);
    pins.push_back(*pin);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (pins.empty()) return fail(ErrorKind::corrupt, where + " holds no pin");
  return pins;
}

/// All but the key.
Status write_texts(KeyStore& store, const Credentials& credentials) {
  // The certificate last: with an old one, new knowledge of the hub does no harm.
  if (const auto put = store.replace_text("hub-ca.pem", chain_to_pem(credentials.hub_cas)); !put) return put;
  if (const auto put = store.replace_text("hub.pin", pins_to_text(credentials.hub_pins)); !put) return put;
  if (const auto put = store.replace_text("hub.name", credentials.hub_name + "\n"); !put) return put;
  return store.replace_text("node.pem", chain_to_pem(credentials.identity.certificate_chain));
}

constexpr KeyId node_key{KeyPurpose::node, 1};

}  // namespace

Status save_hub_identity(const HubIdentity& hub, const std::string& directory) {
  return save_directory(directory, [&](KeyStore& store) -> Status {
    if (!hub.earlier_cas.empty() || !hub.earlier_token_keys.empty() || !hub.earlier_hub_keys.empty() ||
        !hub.earlier_log_keys.empty())
      return fail(ErrorKind::unsupported, "this identity has been rotated: keep the store that it is in");
    const Time now = std::chrono::system_clock::now();
    for (const auto& [purpose, signer] : {std::pair{KeyPurpose::ca, hub.ca_key},
                                          {KeyPurpose::hub, hub.tls.key},
                                          {KeyPurpose::hub, hub.next_tls_key},
                                          {KeyPurpose::token, hub.token_key},
                                          {KeyPurpose::log, hub.log_key}})
      if (signer)
        if (const auto put = store.adopt(purpose, signer, now); !put) return fail(put.error());
    if (hub.content_keys.size() != 1 || hub.content_keys.begin()->first != 1)
      return fail(ErrorKind::unsupported, "content has been erased under this identity: keep the store that it is in");
    if (const auto put = store.adopt(KeyPurpose::content, hub.content_keys.begin()->second, now); !put)
      return fail(put.error());
    if (const auto put = store.put_text("ca-1.pem", certificate_to_pem(hub.ca_certificate)); !put) return put;
    if (const auto put = store.put_text("hub-1.pem", chain_to_pem(hub.tls.certificate_chain)); !put) return put;
    return store.put_text("root.json", make_trusted_root(hub));
  });
}

Result<HubIdentity> load_hub_identity(const std::string& directory) {
  auto store = open_file_key_store({directory});
  if (!store) return fail(store.error());
  return open_hub_identity(std::move(*store), std::chrono::system_clock::now());
}

Status save_credentials(const Credentials& credentials, const std::string& directory) {
  return save_directory(directory, [&](KeyStore& store) -> Status {
    if (const auto put = store.adopt(KeyPurpose::node, credentials.identity.key, std::chrono::system_clock::now()); !put)
      return fail(put.error());
    return write_texts(store, credentials);
  });
}

Result<Credentials> load_credentials(const std::string& directory) {
  struct stat existing {};
  if (::stat(directory.c_str(), &existing) != 0)
    return fail(ErrorKind::not_found,
                "no credentials in " + directory + ": enrol first (forgepool agent enroll, forgepool client enroll)");
  const auto store = open_file_key_store({directory});
  if (!store) return fail(store.error());
  Credentials credentials;
  auto key = (*store)->signer(node_key);
  if (!key) return fail(key.error());
  credentials.identity.key = std::move(*key);
  auto chain = read_certificates(**store, "node.pem");
  if (!chain) return fail(chain.error());
  credentials.identity.certificate_chain = std::move(*chain);
  auto cas = read_certificates(**store, "hub-ca.pem");
  if (!cas) return fail(cas.error());
  credentials.hub_cas = std::move(*cas);
  const auto pins_text = (*store)->text("hub.pin");
  if (!pins_text) return fail(pins_text.error());
  auto pins = read_pins(*pins_text, directory + "/hub.pin");
  if (!pins) return fail(pins.error());
  credentials.hub_pins = std::move(*pins);
  auto hub = (*store)->text("hub.name");
  if (!hub) return fail(hub.error());
  if (hub->ends_with('\n')) hub->pop_back();
  if (const auto id = identity::parse_spiffe_id(*hub); !id || id->role != identity::NodeRole::hub)
    return fail(ErrorKind::corrupt, directory + "/hub.name is not the name of a hub");
  credentials.hub_name = std::move(*hub);
  const auto svid = svid_of(credentials.identity, directory);
  if (!svid) return fail(svid.error());
  credentials.name = svid->id.uri();
  return credentials;
}

Status update_credentials(const Credentials& credentials, const std::string& directory) {
  const auto store = open_file_key_store({directory});
  if (!store) return fail(store.error());
  const auto key = (*store)->signer(node_key);
  if (!key) return fail(key.error());
  if ((*key)->public_key() != credentials.identity.key->public_key())
    return fail(ErrorKind::conflict, directory + " holds another key than the renewed certificate is for");
  return write_texts(**store, credentials);
}

}  // namespace forgepool
