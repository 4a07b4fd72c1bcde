/// forgepool/credentials.hpp: the keys of an organization, made, opened and rotated in a key store. What is in use follows from
/// what is in the store, and a takeover is one text or key that appears: a crash leaves the old epoch or the new one.
#include <forgepool/credentials.hpp>

#include <forgepool/backends/memory_key_store.hpp>
#include <forgepool/merkle.hpp>

#include "identity/svid.hpp"
#include "wire/bundle.hpp"

#include <algorithm>

namespace forgepool {
namespace {

constexpr Duration ca_life = std::chrono::hours(24 * 365 * 5);
constexpr Duration hub_certificate_life = std::chrono::hours(24 * 365);
constexpr Duration backdate = std::chrono::minutes(5);

std::string certificate_name(const KeyId& id) {
  return id.str() + ".pem";
}

/// The keys of one purpose, and which of them have a certificate.
struct Epochs {
  std::vector<KeyInfo> keys;
  const KeyInfo* find(std::uint32_t epoch) const {
    const auto found = std::ranges::find_if(keys, [&](const KeyInfo& info) { return info.id.epoch == epoch; });
    return found == keys.end() ? nullptr : &*found;
  }
};

Result<Epochs> epochs_of(const KeyStore& store, KeyPurpose purpose) {
  auto all = store.keys();
  if (!all) return fail(all.error());
  Epochs epochs;
  for (auto& info : *all)
    if (info.id.purpose == purpose) epochs.keys.push_back(std::move(info));
  return epochs;
}

Result<std::vector<Bytes>> read_chain(const KeyStore& store, const KeyId& id) {
  const auto text = store.text(certificate_name(id));
  if (!text) return fail(text.error());
  auto chain = certificate_chain_from_pem(*text);
  if (!chain) return fail(chain.error().kind, store.name() + ": " + certificate_name(id) + ": " + chain.error().message);
  if (chain->empty()) return fail(ErrorKind::corrupt, store.name() + ": " + certificate_name(id) + " holds no certificate");
  return chain;
}

std::string chain_to_pem(const std::vector<Bytes>& chain) {
  std::string text;
  for (const auto& certificate : chain) text += certificate_to_pem(certificate);
  return text;
}

/// When a certificate took its place.
Time issued_at(const Certificate& certificate) {
  return certificate.fields.not_before + backdate;
}

Result<Bytes> issue_ca(const std::string& trust_domain, std::uint32_t epoch, const Signer& key, Time now) {
  CaProfile profile;
  // Each epoch has a name of its own: a certificate names its issuer by it.
  profile.common_name = (trust_domain.size() > 48 ? trust_domain.substr(0, 48) : trust_domain) + " issuing CA";
  if (epoch > 1) profile.common_name += " " + std::to_string(epoch);
  profile.not_before = now - backdate;
  profile.not_after = now + ca_life;
  return make_ca_certificate(key, profile);
}

/// Everybody who connects must know the issuer: the eldest CA that is still good issues the hub's certificate.
Result<std::vector<Bytes>> issue_hub_chain(const HubIdentity& hub, const Signer& key, Time now, const KeyStore* store) {
  Bytes ca_certificate = hub.ca_certificate;
  std::shared_ptr<Signer> ca_key = hub.ca_key;
  for (const auto& earlier : hub.earlier_cas) {
    if (earlier.until <= now || !store) continue;
    auto signer = store->signer({KeyPurpose::ca, earlier.epoch});
    if (!signer) continue;  // Destroyed since: then the next one.
    ca_certificate = earlier.certificate;
    ca_key = std::move(*signer);
    break;
  }
  const auto ca = parse_certificate(ca_certificate);
  if (!ca) return fail(ca.error());
  identity::SvidOptions options;
  options.life = hub_certificate_life;
  options.backdate = backdate;
  options.dns_names = {"localhost"};
  auto certificate =
      identity::issue_svid(*ca, *ca_key, key.public_key(), {hub.trust_domain, identity::NodeRole::hub, "", ""}, now, options);
  if (!certificate) return fail(certificate.error());
  return std::vector<Bytes>{std::move(*certificate), std::move(ca_certificate)};
}

Status write_root(const HubIdentity& hub) {
  return hub.store->replace_text("root.json", make_trusted_root(hub));
}

Result<std::shared_ptr<Signer>> fresh_key(KeyStore& store, KeyPurpose purpose, Time now) {
  const auto info = store.generate(purpose, now);
  if (!info) return fail(info.error());
  return store.signer(info->id);
}

// --- opening ---------------------------------------------------------------------------------------------------------

tl::unexpected<Error> missing_key(const KeyStore& store, KeyPurpose purpose) {
  return fail(ErrorKind::not_found, store.name() + " holds no key for " + std::string(to_string(purpose)) +
                                        ": this is no hub's identity, or a part of it is missing");
}

Status open_ca(HubIdentity& hub, Time, const KeyOverlap& overlap) {
  const auto epochs = epochs_of(*hub.store, KeyPurpose::ca);
  if (!epochs) return fail(epochs.error());
  std::vector<std::pair<KeyInfo, Certificate>> good;
  for (const auto& info : epochs->keys) {
    const auto chain = read_chain(*hub.store, info.id);
    if (!chain && chain.error().kind == ErrorKind::not_found) continue;  // Made, and then a crash: it never took over.
    if (!chain) return fail(chain.error());
    auto certificate = parse_certificate(chain->front());
    if (!certificate) return fail(certificate.error());
    if (certificate->key != info.key || !certificate->fields.is_ca)
      return fail(ErrorKind::corrupt,
                  hub.store->name() + ": key and certificate of " + info.id.str() + " do not belong together");
    good.emplace_back(info, std::move(*certificate));
  }
  if (good.empty()) return missing_key(*hub.store, KeyPurpose::ca);
  auto key = hub.store->signer(good.back().first.id);
  if (!key) return fail(key.error());
  hub.ca_key = std::move(*key);
  hub.ca_certificate = good.back().second.der;
  hub.epochs.ca = good.back().first.id.epoch;
  for (std::size_t i = 0; i + 1 < good.size(); ++i)
    hub.earlier_cas.push_back({good[i].second.der, good[i].first.id.epoch, issued_at(good[i + 1].second) + overlap.ca});
  return {};
}

Status open_hub_keys(HubIdentity& hub, Time, const KeyOverlap& overlap) {
  const auto epochs = epochs_of(*hub.store, KeyPurpose::hub);
  if (!epochs) return fail(epochs.error());
  std::vector<std::pair<KeyInfo, identity::Svid>> good;
  for (const auto& info : epochs->keys) {
    auto chain = read_chain(*hub.store, info.id);
    if (!chain && chain.error().kind == ErrorKind::not_found) {
      if (!good.empty() && !hub.next_tls_key) {
        auto next = hub.store->signer(info.id);
        if (!next) return fail(next.error());
        hub.next_tls_key = std::move(*next);
      }
      continue;
    }
    if (!chain) return fail(chain.error());
    auto certificate = parse_certificate(chain->front());
    if (!certificate) return fail(certificate.error());
    auto svid = identity::check_svid_profile(std::move(*certificate));
    if (!svid) return fail(svid.error());
    if (svid->certificate.key != info.key || svid->id.role != identity::NodeRole::hub)
      return fail(ErrorKind::corrupt,
                  hub.store->name() + ": key and certificate of " + info.id.str() + " do not belong together");
    good.emplace_back(info, std::move(*svid));
    hub.tls.certificate_chain = std::move(*chain);
    hub.next_tls_key = nullptr;
  }
  if (good.empty()) return missing_key(*hub.store, KeyPurpose::hub);
  auto key = hub.store->signer(good.back().first.id);
  if (!key) return fail(key.error());
  hub.tls.key = std::move(*key);
  hub.epochs.hub = good.back().first.id.epoch;
  hub.trust_domain = good.back().second.id.trust_domain;
  for (std::size_t i = 0; i + 1 < good.size(); ++i)
    hub.earlier_hub_keys.push_back(
        {nullptr, good[i].first.key, good[i].first.id.epoch, issued_at(good[i + 1].second.certificate) + overlap.hub});
  return {};
}

Status open_signing_keys(const HubIdentity& hub, KeyPurpose purpose, Duration overlap, std::shared_ptr<Signer>& current,
                         std::uint32_t& epoch, std::vector<EarlierKey>& earlier) {
  const auto epochs = epochs_of(*hub.store, purpose);
  if (!epochs) return fail(epochs.error());
  if (epochs->keys.empty()) return missing_key(*hub.store, purpose);
  for (std::size_t i = 0; i < epochs->keys.size(); ++i) {
    const KeyInfo& info = epochs->keys[i];
    auto key = hub.store->signer(info.id);
    if (!key) return fail(key.error());
    if (i + 1 < epochs->keys.size()) {
      earlier.push_back({std::move(*key), info.key, info.id.epoch, epochs->keys[i + 1].made + overlap});
    } else {
      current = std::move(*key);
      epoch = info.id.epoch;
    }
  }
  return {};
}

/// The first one is made by whoever opens a store that has none.
Status open_content_keys(HubIdentity& hub, Time now) {
  auto epochs = epochs_of(*hub.store, KeyPurpose::content);
  if (!epochs) return fail(epochs.error());
  if (epochs->keys.empty()) {
    auto made = hub.store->generate(KeyPurpose::content, now);
    if (!made) return fail(made.error());
    epochs->keys.push_back(std::move(*made));
  }
  for (const auto& info : epochs->keys) {
    auto key = hub.store->signer(info.id);
    if (!key) return fail(key.error());
    hub.content_keys.emplace(info.id.epoch, std::move(*key));
  }
  return {};
}

bool knows_issuer(const HubIdentity& hub, const Certificate& leaf, Time now) {
  const auto issued = [&](const Bytes& der) {
    const auto ca = parse_certificate(der);
    return ca && leaf.issuer == ca->subject && is_signed_by(leaf, ca->key);
  };
  return issued(hub.ca_certificate) || std::ranges::any_of(hub.earlier_cas, [&](const EarlierCa& earlier) {
           return now < earlier.until && issued(earlier.certificate);
         });
}

/// A certificate past half of its life, or of a CA that is no longer good, is replaced; the key stays.
Status renew_hub_certificate(HubIdentity& hub, Time now) {
  const auto leaf = parse_certificate(hub.tls.certificate_chain.front());
  if (!leaf) return fail(leaf.error());
  const bool good = knows_issuer(hub, *leaf, now);
  if (good && now < leaf->fields.not_before + (leaf->fields.not_after - leaf->fields.not_before) / 2) return {};
  if (!good && hub.earlier_cas.empty())
    return fail(ErrorKind::corrupt, hub.store->name() + ": the hub's certificate was not issued by its CA");
  auto chain = issue_hub_chain(hub, *hub.tls.key, now, hub.store.get());
  if (!chain) return fail(chain.error());
  if (auto put = hub.store->replace_text(certificate_name({KeyPurpose::hub, hub.epochs.hub}), chain_to_pem(*chain)); !put)
    return put;
  hub.tls.certificate_chain = std::move(*chain);
  return {};
}

// --- rotating --------------------------------------------------------------------------------------------------------

Status rotate_ca(HubIdentity& hub, Time now, const KeyOverlap& overlap) {
  // A key that a crash left without its certificate is as good as a new one.
  const auto epochs = epochs_of(*hub.store, KeyPurpose::ca);
  if (!epochs) return fail(epochs.error());
  std::shared_ptr<Signer> key;
  std::uint32_t epoch = hub.epochs.ca + 1;
  if (!epochs->keys.empty() && epochs->keys.back().id.epoch > hub.epochs.ca) {
    epoch = epochs->keys.back().id.epoch;
    auto left = hub.store->signer(epochs->keys.back().id);
    if (!left) return fail(left.error());
    key = std::move(*left);
  } else {
    const auto info = hub.store->generate(KeyPurpose::ca, now);
    if (!info) return fail(info.error());
    epoch = info->id.epoch;
    auto made = hub.store->signer(info->id);
    if (!made) return fail(made.error());
    key = std::move(*made);
  }
  auto certificate = issue_ca(hub.trust_domain, epoch, *key, now);
  if (!certificate) return fail(certificate.error());
  if (auto put = hub.store->put_text(certificate_name({KeyPurpose::ca, epoch}), certificate_to_pem(*certificate)); !put)
    return put;
  hub.earlier_cas.push_back({hub.ca_certificate, hub.epochs.ca, std::chrono::floor<std::chrono::seconds>(now) + overlap.ca});
  hub.ca_certificate = std::move(*certificate);
  hub.ca_key = std::move(key);
  hub.epochs.ca = epoch;
  return {};
}

Status rotate_hub(HubIdentity& hub, Time now, const KeyOverlap& overlap) {
  if (!hub.next_tls_key) {
    auto next = fresh_key(*hub.store, KeyPurpose::hub, now);
    if (!next) return fail(next.error());
    hub.next_tls_key = std::move(*next);
  }
  const auto epochs = epochs_of(*hub.store, KeyPurpose::hub);
  if (!epochs) return fail(epochs.error());
  std::uint32_t epoch = 0;
  for (const auto& info : epochs->keys)
    if (info.key == hub.next_tls_key->public_key()) epoch = info.id.epoch;
  // The one after it first, so that there is always a backup that everybody can pin.
  if (!epochs->keys.empty() && epochs->keys.back().id.epoch == epoch)
    if (const auto after = hub.store->generate(KeyPurpose::hub, now); !after) return fail(after.error());
  auto chain = issue_hub_chain(hub, *hub.next_tls_key, now, hub.store.get());
  if (!chain) return fail(chain.error());
  if (auto put = hub.store->put_text(certificate_name({KeyPurpose::hub, epoch}), chain_to_pem(*chain)); !put) return put;
  hub.earlier_hub_keys.push_back(
      {nullptr, hub.tls.key->public_key(), hub.epochs.hub, std::chrono::floor<std::chrono::seconds>(now) + overlap.hub});
  hub.tls = {std::move(*chain), std::move(hub.next_tls_key)};
  hub.epochs.hub = epoch;
  auto next = hub.store->signer({KeyPurpose::hub, epoch + 1});
  if (!next) return fail(next.error());
  hub.next_tls_key = std::move(*next);
  return {};
}

Status rotate_signing_key(HubIdentity& hub, KeyPurpose purpose, Time now, Duration overlap, std::shared_ptr<Signer>& current,
                          std::uint32_t& epoch, std::vector<EarlierKey>& earlier) {
  const auto info = hub.store->generate(purpose, now);
  if (!info) return fail(info.error());
  auto key = hub.store->signer(info->id);
  if (!key) return fail(key.error());
  earlier.push_back({current, current->public_key(), epoch, info->made + overlap});
  current = std::move(*key);
  epoch = info->id.epoch;
  return {};
}

}  // namespace

Digest HubIdentity::pin() const {
  return tls.key->public_key().pin();
}

std::vector<Digest> HubIdentity::pins() const {
  std::vector<Digest> pins{pin()};
  if (next_tls_key) pins.push_back(next_tls_key->public_key().pin());
  return pins;
}

Result<HubIdentity> make_hub_identity(const std::string& trust_domain, Time now) {
  return make_hub_identity(trust_domain, make_memory_key_store(), now);
}

Result<HubIdentity> make_hub_identity(const std::string& trust_domain, std::shared_ptr<KeyStore> store, Time now) {
  if (!identity::is_valid_trust_domain(trust_domain))
    return fail(ErrorKind::invalid_input,
                "trust domain: expected lower-case letters, digits, dots and dashes, got \"" + trust_domain + "\"");
  const auto existing = store->keys();
  if (!existing) return fail(existing.error());
  if (!existing->empty())
    return fail(ErrorKind::conflict, store->name() + " holds keys already: name an empty place for the new ones");
  HubIdentity hub;
  hub.trust_domain = trust_domain;
  hub.store = std::move(store);
  for (const auto& [purpose, signer] :
       {std::pair{KeyPurpose::ca, &hub.ca_key}, std::pair{KeyPurpose::hub, &hub.tls.key},
        std::pair{KeyPurpose::hub, &hub.next_tls_key}, std::pair{KeyPurpose::token, &hub.token_key},
        std::pair{KeyPurpose::log, &hub.log_key}}) {
    auto key = fresh_key(*hub.store, purpose, now);
    if (!key) return fail(key.error());
    *signer = std::move(*key);
  }
  if (auto opened = open_content_keys(hub, now); !opened) return fail(opened.error());
  auto ca = issue_ca(trust_domain, 1, *hub.ca_key, now);
  if (!ca) return fail(ca.error());
  hub.ca_certificate = std::move(*ca);
  auto chain = issue_hub_chain(hub, *hub.tls.key, now, nullptr);
  if (!chain) return fail(chain.error());
  hub.tls.certificate_chain = std::move(*chain);
  if (auto put = hub.store->put_text("ca-1.pem", certificate_to_pem(hub.ca_certificate)); !put) return fail(put.error());
  if (auto put = hub.store->put_text("hub-1.pem", chain_to_pem(hub.tls.certificate_chain)); !put) return fail(put.error());
  if (auto put = write_root(hub); !put) return fail(put.error());
  return hub;
}

Result<HubIdentity> open_hub_identity(std::shared_ptr<KeyStore> store, Time now, const KeyOverlap& overlap) {
  HubIdentity hub;
  hub.store = std::move(store);
  if (auto opened = open_ca(hub, now, overlap); !opened) return fail(opened.error());
  if (auto opened = open_hub_keys(hub, now, overlap); !opened) return fail(opened.error());
  if (auto opened =
          open_signing_keys(hub, KeyPurpose::token, overlap.token, hub.token_key, hub.epochs.token, hub.earlier_token_keys);
      !opened)
    return fail(opened.error());
  if (auto opened = open_signing_keys(hub, KeyPurpose::log, overlap.log, hub.log_key, hub.epochs.log, hub.earlier_log_keys);
      !opened)
    return fail(opened.error());
  if (auto opened = open_content_keys(hub, now); !opened) return fail(opened.error());
  if (auto renewed = renew_hub_certificate(hub, now); !renewed) return fail(renewed.error());
  return hub;
}

Status rotate_key(HubIdentity& hub, KeyPurpose purpose, Time now, const KeyOverlap& overlap) {
  if (!hub.store)
    return fail(ErrorKind::unsupported, "this hub was started without the store of its keys, and cannot make new ones");
  Status rotated;
  switch (purpose) {
    case KeyPurpose::ca: rotated = rotate_ca(hub, now, overlap); break;
    case KeyPurpose::hub: rotated = rotate_hub(hub, now, overlap); break;
    case KeyPurpose::token:
      rotated = rotate_signing_key(hub, purpose, now, overlap.token, hub.token_key, hub.epochs.token, hub.earlier_token_keys);
      break;
    case KeyPurpose::log:
      rotated = rotate_signing_key(hub, purpose, now, overlap.log, hub.log_key, hub.epochs.log, hub.earlier_log_keys);
      break;
    case KeyPurpose::content:
      return fail(ErrorKind::invalid_input,
                  "the key of content changes by itself, with each erasure; erase a job to change it");
    case KeyPurpose::node:
      return fail(ErrorKind::invalid_input, "a hub rotates its ca, hub, token and log keys; nodes enrol again");
  }
  if (!rotated) return rotated;
  return write_root(hub);
}

std::string make_trusted_root(const HubIdentity& hub) {
  wire::TrustedRoot root{hub.trust_domain, hub.ca_certificate, hub.tls.key->public_key().spki,
                         to_vkey(hub.trust_domain, hub.log_key->public_key())};
  for (const auto& earlier : hub.earlier_cas) root.earlier_ca_certificates.push_back(earlier.certificate);
  for (const auto& earlier : hub.earlier_hub_keys) root.earlier_hub_spkis.push_back(earlier.public_key.spki);
  for (const auto& earlier : hub.earlier_log_keys)
    root.earlier_log_vkeys.push_back(to_vkey(hub.trust_domain, earlier.public_key));
  const std::string body = wire::trusted_root_body(root);
  const auto sign = [&](const std::shared_ptr<Signer>& key) {
    // A key that cannot sign any more vouches for nothing: who has no other goes on by another way.
    if (!key) return;
    if (auto signature = key->sign(as_bytes(body)))
      root.signatures.push_back({to_vkey(hub.trust_domain, key->public_key()), std::move(*signature)});
  };
  for (const auto& earlier : hub.earlier_log_keys) sign(earlier.key);
  sign(hub.log_key);
  return wire::write_trusted_root(root);
}

}  // namespace forgepool
