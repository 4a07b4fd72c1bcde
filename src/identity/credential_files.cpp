/// forgepool/credentials.hpp: the same in directories. A directory appears whole or not at all.
#include <forgepool/credentials.hpp>

#include "identity/key_store.hpp"
#include "identity/svid.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace forgepool {
namespace {

using identity::KeyStore;

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
  auto store = identity::make_key_directory(partial);
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

Status put_signer(KeyStore& store, std::string_view name, const std::shared_ptr<Signer>& signer) {
  const auto key = PrivateKey::of(signer);
  if (!key) return fail(key.error());
  return store.put_key(name, *key);
}

std::string chain_to_pem(const std::vector<Bytes>& chain) {
  std::string text;
  for (const auto& certificate : chain) text += certificate_to_pem(certificate);
  return text;
}

Result<Bytes> read_certificate(const KeyStore& store, std::string_view name) {
  const auto text = store.text(name);
  if (!text) return fail(text.error());
  auto certificate = certificate_from_pem(*text);
  if (!certificate) return fail(certificate.error());
  return std::move(certificate->der);
}

Result<TransportIdentity> read_identity(const KeyStore& store, std::string_view key_name, std::string_view chain_name) {
  auto key = store.signer(key_name);
  if (!key) return fail(key.error());
  const auto text = store.text(chain_name);
  if (!text) return fail(text.error());
  auto chain = certificate_chain_from_pem(*text);
  if (!chain) return fail(chain.error());
  return TransportIdentity{std::move(*chain), std::move(*key)};
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

}  // namespace

Status save_hub_identity(const HubIdentity& hub, const std::string& directory) {
  return save_directory(directory, [&](KeyStore& store) -> Status {
    for (const auto& [name, signer] :
         {std::pair{"ca.key", hub.ca_key}, {"hub.key", hub.tls.key}, {"token.key", hub.token_key}, {"log.key", hub.log_key}})
      if (const auto put = put_signer(store, name, signer); !put) return put;
    if (const auto put = store.put_text("ca.pem", certificate_to_pem(hub.ca_certificate)); !put) return put;
    if (const auto put = store.put_text("hub.pem", chain_to_pem(hub.tls.certificate_chain)); !put) return put;
    return store.put_text("root.json", make_trusted_root(hub));
  });
}

Result<HubIdentity> load_hub_identity(const std::string& directory) {
  const auto store = identity::open_key_directory(directory);
  if (!store) return fail(store.error());
  HubIdentity hub;
  for (const auto& [name, signer] :
       {std::pair{"ca.key", &hub.ca_key}, {"token.key", &hub.token_key}, {"log.key", &hub.log_key}}) {
    auto key = (*store)->signer(name);
    if (!key) return fail(key.error());
    *signer = std::move(*key);
  }
  auto ca = read_certificate(**store, "ca.pem");
  if (!ca) return fail(ca.error());
  hub.ca_certificate = std::move(*ca);
  auto tls = read_identity(**store, "hub.key", "hub.pem");
  if (!tls) return fail(tls.error());
  hub.tls = std::move(*tls);
  const auto svid = svid_of(hub.tls, directory);
  if (!svid) return fail(svid.error());
  if (svid->id.role != identity::NodeRole::hub)
    return fail(ErrorKind::corrupt, directory + "/hub.pem is not the certificate of a hub");
  const auto issuer = parse_certificate(hub.ca_certificate);
  if (!issuer) return fail(issuer.error());
  if (issuer->key != hub.ca_key->public_key())
    return fail(ErrorKind::corrupt, directory + ": ca.key and ca.pem do not belong together");
  if (!is_signed_by(svid->certificate, issuer->key))
    return fail(ErrorKind::corrupt, directory + ": hub.pem was not issued by ca.pem");
  for (const auto* key : {&hub.token_key, &hub.log_key})
    if ((*key)->public_key().algorithm != KeyAlgorithm::ed25519)
      return fail(ErrorKind::corrupt, directory + ": token.key and log.key must be Ed25519 keys");
  hub.trust_domain = svid->id.trust_domain;
  return hub;
}

Status save_credentials(const Credentials& credentials, const std::string& directory) {
  return save_directory(directory, [&](KeyStore& store) -> Status {
    if (const auto put = put_signer(store, "node.key", credentials.identity.key); !put) return put;
    if (const auto put = store.put_text("node.pem", chain_to_pem(credentials.identity.certificate_chain)); !put) return put;
    if (const auto put = store.put_text("ca.pem", certificate_to_pem(credentials.ca_certificate)); !put) return put;
    return store.put_text("hub.pin", credentials.hub_pin.hex() + "\n");
  });
}

Result<Credentials> load_credentials(const std::string& directory) {
  struct stat existing {};
  if (::stat(directory.c_str(), &existing) != 0)
    return fail(ErrorKind::not_found,
                "no credentials in " + directory + ": enrol first (forgepool agent enroll, forgepool client enroll)");
  const auto store = identity::open_key_directory(directory);
  if (!store) return fail(store.error());
  Credentials credentials;
  auto tls = read_identity(**store, "node.key", "node.pem");
  if (!tls) return fail(tls.error());
  credentials.identity = std::move(*tls);
  auto ca = read_certificate(**store, "ca.pem");
  if (!ca) return fail(ca.error());
  credentials.ca_certificate = std::move(*ca);
  auto pin = (*store)->text("hub.pin");
  if (!pin) return fail(pin.error());
  if (pin->ends_with('\n')) pin->pop_back();
  const auto digest = Digest::parse(*pin);
  if (!digest) return fail(ErrorKind::corrupt, directory + "/hub.pin: " + digest.error().message);
  credentials.hub_pin = *digest;
  const auto svid = svid_of(credentials.identity, directory);
  if (!svid) return fail(svid.error());
  credentials.name = svid->id.uri();
  return credentials;
}

}  // namespace forgepool
