#include "wire/bundle.hpp"
#include "wire/json_reader.hpp"

namespace forgepool::wire {
namespace {

constexpr std::string_view root_media_type = "application/vnd.forgepool.trusted-root+json;version=1";
constexpr std::size_t max_root_bytes = 1u << 20;
constexpr std::size_t max_epochs = 100;
constexpr std::size_t max_adapters = 10'000;

}  // namespace

namespace {

json::Object signed_members(const TrustedRoot& root) {
  const auto list = [](const auto& values, auto text) {
    json::Array array;
    for (const auto& value : values) array.push_back(text(value));
    return array;
  };
  const auto base64 = [](const Bytes& bytes) { return to_base64(bytes); };
  return json::Object{{"caCertificate", to_base64(root.ca_certificate)},
                      {"earlierCaCertificates", list(root.earlier_ca_certificates, base64)},
                      {"earlierHubKeys", list(root.earlier_hub_spkis, base64)},
                      {"earlierLogKeys", list(root.earlier_log_vkeys, [](const std::string& key) { return key; })},
                      {"hubKey", to_base64(root.hub_spki)},
                      {"logKey", root.log_vkey},
                      {"mediaType", root_media_type},
                      {"trustDomain", root.trust_domain}};
}

}  // namespace

std::string trusted_root_body(const TrustedRoot& root) {
  return "forgepool trusted root v1\n" + json::canonicalize(signed_members(root));
}

std::string write_trusted_root(const TrustedRoot& root) {
  json::Object document = signed_members(root);
  json::Array adapters, signatures;
  for (const Digest& adapter : root.adapters) adapters.push_back(adapter.str());
  for (const auto& one : root.signatures)
    signatures.push_back(json::Object{{"key", one.log_vkey}, {"signature", to_base64(one.signature)}});
  if (!adapters.empty()) document.set("adapters", std::move(adapters));
  if (!signatures.empty()) document.set("signatures", std::move(signatures));
  return json::canonicalize(std::move(document)) + "\n";
}

// Unlike a bundle, a root is the reader's own file and nobody's signature covers its form: white space is welcome.
Result<TrustedRoot> read_trusted_root(std::string_view document) {
  const auto refuse = [](const Error& error) { return fail(error.kind, "not a trusted root: " + error.message); };
  const auto value = json::parse(document, max_root_bytes);
  if (!value) return refuse(value.error());
  TrustedRoot root;
  json::ObjectReader reader(*value, "");
  constexpr std::string_view media_types[] = {root_media_type};
  reader.choice("mediaType", media_types);
  root.trust_domain = reader.string("trustDomain", 255, {}, 1);
  root.ca_certificate = reader.base64("caCertificate", 16u << 10);
  root.hub_spki = reader.base64("hubKey", 1024);
  root.log_vkey = reader.string("logKey", 1024, {}, 1);
  const auto earlier = [&](std::string_view key, std::vector<Bytes>& out) {
    for (const auto& text : reader.strings(key, max_epochs, 32u << 10, json::ObjectReader::Need::optional)) {
      auto bytes = from_base64(text);
      if (bytes)
        out.push_back(std::move(*bytes));
      else
        reader.refuse(key, bytes.error().message);
    }
  };
  earlier("earlierCaCertificates", root.earlier_ca_certificates);
  earlier("earlierHubKeys", root.earlier_hub_spkis);
  root.earlier_log_vkeys = reader.strings("earlierLogKeys", max_epochs, 1024, json::ObjectReader::Need::optional);
  for (const auto& text : reader.strings("adapters", max_adapters, 80, json::ObjectReader::Need::optional)) {
    const auto digest = Digest::parse(text);
    if (digest && digest->str() == text)
      root.adapters.push_back(*digest);
    else
      reader.refuse("adapters", "expected digests (\"sha256:\" and 64 hex digits), got \"" + text + "\"");
  }
  if (const auto* signatures = reader.array("signatures", 0, max_epochs + 1, json::ObjectReader::Need::optional))
    for (const auto& element : *signatures) {
      json::ObjectReader item(element, reader.pointer("signatures"));
      TrustedRoot::Signature one{item.string("key", 1024, {}, 1), item.base64("signature", 256)};
      if (const auto done = item.finish(); !done) {
        reader.refuse(done.error());
        break;
      }
      root.signatures.push_back(std::move(one));
    }
  if (const auto finished = reader.finish(); !finished) return refuse(finished.error());
  return root;
}

}  // namespace forgepool::wire
