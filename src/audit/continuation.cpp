#include "audit/continuation.hpp"

#include "audit/trail.hpp"
#include "crypto/reason.hpp"
#include "wire/bundle.hpp"

#include <forgepool/audit.hpp>
#include <forgepool/merkle.hpp>

#include <algorithm>

namespace forgepool {
namespace {

/// One signature by the key that `older` trusts is enough, and no other is: earlier keys may have been given up for a reason.
Status check_continues(const wire::TrustedRoot& older, const wire::TrustedRoot& newer) {
  if (newer.trust_domain != older.trust_domain)
    return fail(ErrorKind::invalid_input, "it is the trusted root of " + newer.trust_domain + ", not of " + older.trust_domain);
  const auto key = parse_vkey(older.log_vkey);
  if (!key) return fail(key.error());
  const std::string body = wire::trusted_root_body(newer);
  if (std::ranges::none_of(newer.signatures, [&](const auto& one) {
        return one.log_vkey == older.log_vkey && verify_signature(key->key, as_bytes(body), one.signature);
      }))
    return refuse(ErrorKind::unauthenticated, "root_not_continued",
                  "the new trusted root is not signed by the log key of the old one: get it by a way that you trust");
  return {};
}

}  // namespace

namespace audit {

std::string changed_keys(std::string_view older_text, std::string_view bundled) {
  const auto older = wire::read_trusted_root(older_text), newer = wire::read_trusted_root(bundled);
  if (!older || !newer || !check_continues(*older, *newer)) return {};
  std::string changed;
  const auto add = [&](bool differs, std::string_view what) {
    if (differs) changed += (changed.empty() ? "" : ", ") + std::string(what);
  };
  add(older->ca_certificate != newer->ca_certificate, "the CA");
  add(older->hub_spki != newer->hub_spki, "the hub's key");
  add(older->log_vkey != newer->log_vkey, "the log's key");
  return changed;
}

Status check_bundled_root(std::string_view text, const Anchors& anchors) {
  const auto root = wire::read_trusted_root(text);
  if (!root) return refute("/root", root.error());
  if (root->trust_domain != anchors.trust_domain || wire::write_trusted_root(*root) != text)
    return refute("/root", "is not the trusted root of " + anchors.trust_domain + " in its canonical form");
  const std::string body = wire::trusted_root_body(*root);
  for (const auto& one : root->signatures)
    for (const VerifierKey& key : anchors.log_keys)
      if (one.log_vkey == to_vkey(key.name, key.key) && verify_signature(key.key, as_bytes(body), one.signature)) return {};
  return refute("/root", "root_not_signed", "is not signed by the log's key");
}

}  // namespace audit

Result<std::string> continue_root(std::string_view older_text, std::string_view newer_text) {
  const auto older = wire::read_trusted_root(older_text);
  if (!older) return fail(older.error());
  auto newer = wire::read_trusted_root(newer_text);
  if (!newer) {
    const auto bundle = wire::read_bundle(newer_text);
    if (!bundle) return fail(ErrorKind::invalid_input, "neither a trusted root nor a bundle: " + newer.error().message);
    newer = wire::read_trusted_root(bundle->bundle.root);
    if (!newer) return fail(newer.error());
  }
  if (const auto goes_on = check_continues(*older, *newer); !goes_on) return fail(goes_on.error());
  newer->adapters = older->adapters;
  return wire::write_trusted_root(*newer);
}

}  // namespace forgepool
