#include "crypto/reason.hpp"
#include "crypto/x509.hpp"

#include <fmt/core.h>

namespace forgepool {
namespace {

constexpr std::size_t max_chain = 4;  // A leaf, up to two CAs between, and the root if the peer sends it.

tl::unexpected<Error> refuse_chain(std::string_view code, std::string message) {
  return refuse(ErrorKind::unauthenticated, code, message);
}

Status check_validity(const Certificate& certificate, std::string_view role, Time now) {
  if (now < certificate.fields.not_before)
    return refuse_chain("certificate_not_yet_valid",
                        fmt::format("the {} certificate is valid from {}, and it is {} (is this machine's clock right?)", role,
                                    to_rfc3339(certificate.fields.not_before), to_rfc3339(now)));
  // The last second named is still valid.
  if (std::chrono::floor<std::chrono::seconds>(now) > certificate.fields.not_after)
    return refuse_chain("certificate_expired",
                        fmt::format("the {} certificate expired at {}, and it is {} (is this machine's clock right?)", role,
                                    to_rfc3339(certificate.fields.not_after), to_rfc3339(now)));
  return {};
}

// One link: `subject` was issued by `issuer`, below which `cas_below` CAs stand.
Status check_link(const Certificate& subject, const Certificate& issuer, std::uint32_t cas_below) {
  if (subject.issuer != issuer.subject)
    return refuse_chain("chain_issuer",
                        "a certificate names another issuer than the one above it (signed by a CA of another pool?)");
  if (!subject.authority_key_id.empty() && !issuer.subject_key_id.empty() && subject.authority_key_id != issuer.subject_key_id)
    return refuse_chain("chain_issuer",
                        "a certificate names another issuer key than that of the one above it (has the CA been replaced?)");
  if (!issuer.fields.is_ca) return refuse_chain("issuer_not_ca", "an issuing certificate does not say CA:TRUE");
  if (!(issuer.fields.key_usage & key_usage::key_cert_sign))
    return refuse_chain("issuer_not_ca", "an issuing certificate may not sign certificates (key usage without keyCertSign)");
  if (issuer.fields.path_length && cas_below > *issuer.fields.path_length)
    return refuse_chain("issuer_not_ca", "more CAs stand below an issuing certificate than its path length allows");
  if (!is_signed_by(subject, issuer.key))
    return refuse_chain("chain_signature", "the signature of a certificate does not verify with the key of its issuer");
  return {};
}

}  // namespace

Result<Certificate> verify_chain(const std::vector<Bytes>& chain, const Certificate& root, Time now) {
  if (chain.empty()) return refuse_chain("chain_length", "there is no certificate");
  if (chain.size() > max_chain)
    return refuse_chain("chain_length", fmt::format("{} certificates; at most {} are accepted", chain.size(), max_chain));
  std::vector<Certificate> path;
  for (const auto& der : chain) {
    auto certificate = parse_certificate(der);
    if (!certificate) return refuse_chain("chain_malformed", certificate.error().message);
    path.push_back(std::move(*certificate));
  }
  if (path.size() > 1 && path.back().der == root.der) path.pop_back();
  if (auto status = check_validity(root, "root", now); !status) return fail(status.error());
  for (std::size_t i = path.size(); i-- > 0;) {
    const Certificate& issuer = i + 1 < path.size() ? path[i + 1] : root;
    if (auto status = check_link(path[i], issuer, static_cast<std::uint32_t>(i)); !status) return fail(status.error());
    if (auto status = check_validity(path[i], i == 0 ? "leaf" : "intermediate", now); !status) return fail(status.error());
  }
  return std::move(path.front());
}

}  // namespace forgepool
