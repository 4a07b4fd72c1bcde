#include "identity/svid.hpp"

#include "crypto/reason.hpp"

#include <forgepool/ids.hpp>

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::identity {
namespace {

constexpr std::string_view scheme = "spiffe://";

tl::unexpected<Error> refuse_svid(std::string_view code, std::string message) {
  return refuse(ErrorKind::unauthenticated, code, message);
}

Status check_extended_key_usage(const std::vector<std::string>& purposes) {
  const bool both = purposes.size() == 2 && std::ranges::count(purposes, eku_server_auth) == 1 &&
                    std::ranges::count(purposes, eku_client_auth) == 1;
  if (!both)
    return refuse_svid("svid_extended_key_usage", "the certificate is not for TLS servers and clients and nothing else");
  return {};
}

Status check_names(const Certificate& certificate) {
  const auto& fields = certificate.fields;
  if (fields.uri_names.size() != 1)
    return refuse_svid("svid_names", fmt::format("the certificate has {} URI names; a SPIFFE identity has exactly one",
                                                 fields.uri_names.size()));
  if (certificate.has_other_names)
    return refuse_svid("svid_names", "the certificate has alternative names other than URI, DNS and IP address");
  return {};
}

}  // namespace

std::string SpiffeId::path() const {
  switch (role) {
    case NodeRole::hub: return "hub";
    case NodeRole::operator_: return "operator";
    case NodeRole::agent: return "agent/" + name;
    case NodeRole::client: return "client/" + (project.empty() ? "" : project + "/") + name;
  }
  return {};
}

std::string SpiffeId::uri() const {
  return fmt::format("{}{}/{}", scheme, trust_domain, path());
}

bool is_valid_trust_domain(std::string_view text) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 255 && alphanumeric(text.front()) && alphanumeric(text.back()) &&
         std::ranges::all_of(text, [&](char c) { return alphanumeric(c) || c == '.' || c == '-'; });
}

Result<SpiffeId> spiffe_id_from_path(std::string_view trust_domain, std::string_view path) {
  if (!is_valid_trust_domain(trust_domain))
    return fail(ErrorKind::invalid_input,
                "malformed trust domain: expected up to 255 lower-case letters, digits, dots and dashes, like pool.example");
  SpiffeId id{std::string(trust_domain), NodeRole::hub, "", ""};
  if (path == "hub") return id;
  if (path == "operator") {
    id.role = NodeRole::operator_;
    return id;
  }
  const auto slash = path.find('/');
  const auto kind = path.substr(0, slash);
  id.role = kind == "agent" ? NodeRole::agent : NodeRole::client;
  id.name = slash == path.npos ? "" : path.substr(slash + 1);
  const auto second = id.role == NodeRole::client ? id.name.find('/') : id.name.npos;
  const bool in_project = second != id.name.npos;
  if (in_project) {
    id.project = id.name.substr(0, second);
    id.name.erase(0, second + 1);
  }
  if ((kind != "agent" && kind != "client") || !is_valid_id(id.name) || (in_project && !is_valid_id(id.project)))
    return fail(ErrorKind::invalid_input,
                "malformed SPIFFE path: expected hub, operator, agent/<id>, client/<name> or client/<project>/<name>");
  return id;
}

Result<SpiffeId> parse_spiffe_id(std::string_view uri) {
  const auto end = uri.starts_with(scheme) ? uri.find('/', scheme.size()) : uri.npos;
  if (end == uri.npos) return fail(ErrorKind::invalid_input, "malformed SPIFFE id: expected spiffe://<trust domain>/<path>");
  return spiffe_id_from_path(uri.substr(scheme.size(), end - scheme.size()), uri.substr(end + 1));
}

Result<Bytes> issue_svid(const Certificate& ca, const Signer& ca_key, const PublicKey& subject, const SpiffeId& id, Time now,
                         const SvidOptions& options) {
  if (subject.algorithm != KeyAlgorithm::ecdsa_p256 || ca.key.algorithm != KeyAlgorithm::ecdsa_p256)
    return fail(ErrorKind::invalid_input, "node certificates are for P-256 keys, from CAs with P-256 keys");
  if (auto parsed = parse_spiffe_id(id.uri()); !parsed || *parsed != id)
    return fail(ErrorKind::invalid_input, "the node's name does not make a SPIFFE id of this pool");
  if (id.role != NodeRole::hub && !(options.dns_names.empty() && options.ip_addresses.empty()))
    return fail(ErrorKind::invalid_input, "only a hub's certificate may have DNS names and IP addresses");
  if (now > ca.fields.not_after)
    return refuse(ErrorKind::unavailable, "ca_expired",
                  "the CA's certificate expired at " + to_rfc3339(ca.fields.not_after) + ", and it is " + to_rfc3339(now) +
                      ": nothing can be issued until the hub's operator has replaced it (forgepool keys rotate ca)");
  CertificateFields fields;
  fields.not_before = now - options.backdate;
  fields.not_after = now + options.life;
  fields.key_usage = key_usage::digital_signature;
  fields.extended_key_usage = {std::string(eku_server_auth), std::string(eku_client_auth)};
  fields.uri_names = {id.uri()};
  fields.dns_names = options.dns_names;
  fields.ip_addresses = options.ip_addresses;
  return make_certificate(ca, ca_key, subject, fields);
}

Result<Bytes> issue_svid_for_request(const Certificate& ca, const Signer& ca_key, ByteView request, const SpiffeId& id,
                                     Time now, const SvidOptions& options) {
  const auto parsed = parse_certificate_request(request);
  if (!parsed) return fail(parsed.error());
  return issue_svid(ca, ca_key, parsed->key, id, now, options);
}

Result<Svid> check_svid_profile(Certificate certificate) {
  const auto& fields = certificate.fields;
  if (certificate.key.algorithm != KeyAlgorithm::ecdsa_p256)
    return refuse_svid("svid_key_type", "the certificate's key is not P-256");
  if (fields.is_ca) return refuse_svid("svid_ca", "the certificate is that of a CA, which is no node");
  if (fields.key_usage != key_usage::digital_signature)
    return refuse_svid("svid_key_usage", "the certificate's key usage is not digitalSignature and nothing else");
  if (auto status = check_extended_key_usage(fields.extended_key_usage); !status) return fail(status.error());
  if (auto status = check_names(certificate); !status) return fail(status.error());
  auto id = parse_spiffe_id(fields.uri_names.front());
  if (!id) return refuse_svid("svid_id", id.error().message);
  if (id->role != NodeRole::hub && !(fields.dns_names.empty() && fields.ip_addresses.empty()))
    return refuse_svid("svid_names", "the certificate has DNS names or IP addresses, which only a hub's may have");
  return Svid{std::move(*id), std::move(certificate)};
}

Result<Svid> verify_svid(const std::vector<Bytes>& chain, const Certificate& ca, std::string_view trust_domain, Time now) {
  auto leaf = verify_chain(chain, ca, now);
  if (!leaf) return fail(leaf.error());
  if (leaf->issuer != ca.subject)
    return refuse_svid("chain_intermediate", "the certificate was not issued by the pool's CA itself");
  auto svid = check_svid_profile(std::move(*leaf));
  if (svid && svid->id.trust_domain != trust_domain)
    return refuse_svid("svid_trust_domain",
                       fmt::format("the peer is of the trust domain {}, not {}", svid->id.trust_domain, trust_domain));
  return svid;
}

Result<Svid> verify_svid(const std::vector<Bytes>& chain, const std::vector<Issuer>& issuers, Time now) {
  if (issuers.empty()) return refuse_svid("issuer_unknown", "there is no CA to hold the certificate against");
  if (chain.empty()) return refuse_svid("chain_length", "there is no certificate");
  const auto leaf = parse_certificate(chain.front());
  const auto named =
      std::ranges::find_if(issuers, [&](const Issuer& issuer) { return leaf && leaf->issuer == issuer.ca.subject; });
  const Issuer& issuer = named == issuers.end() ? issuers.front() : *named;
  return verify_svid(chain, issuer.ca, issuer.trust_domain, now);
}

}  // namespace forgepool::identity
