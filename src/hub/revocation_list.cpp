/// What the CA issued and does not stand for any more, for those who check certificates without asking the hub.
#include "crypto/reason.hpp"
#include "crypto/x509.hpp"
#include "hub/hub_core.hpp"

#include <fmt/core.h>

namespace forgepool::hub {
namespace {

/// Until when a list counts as fresh.
constexpr Duration list_life = std::chrono::hours(24);
/// Whoever renews at half life has three at a time; the rest is for answers that were lost.
constexpr std::uint32_t max_certificates_of_one = 16;
constexpr std::string_view list_number_key = "revocation_list";

}  // namespace

void HubCore::remember_certificate(CertificateRecord record, Time now) {
  forget_certificates(now);
  effects_.put(certificate_key(record.serial), write_certificate_record(record));
  const Time until = record.expires_at;
  keep_certificate(until, std::move(record));
}

void HubCore::keep_certificate(Time until, CertificateRecord record) {
  ++certificates_of_[record.name];
  certificates_.emplace(until, std::move(record));
}

Status HubCore::may_have_another(const std::string& name, Time now) {
  forget_certificates(now);
  const auto found = certificates_of_.find(name);
  if (found == certificates_of_.end() || found->second < max_certificates_of_one) return {};
  return refuse(
      ErrorKind::unavailable, "renewal_rate",
      fmt::format("{} certificates of this name are good or listed already; go on with the last one until some have run "
                  "out",
                  found->second));
}

void HubCore::forget_certificates(Time now) {
  while (!certificates_.empty() && certificates_.begin()->first < now) {
    auto node = certificates_.extract(certificates_.begin());
    // RFC 5280 section 3.3: what was revoked stands in a list after its end, too. Nobody who fetches lists in time misses it.
    if (node.key() == node.mapped().expires_at && node.key() + list_life >= now && revoked_certificate(node.mapped())) {
      node.key() += list_life;
      certificates_.insert(std::move(node));
    } else {
      effects_.erase(certificate_key(node.mapped().serial));
      if (const auto of = certificates_of_.find(node.mapped().name); of != certificates_of_.end() && --of->second == 0)
        certificates_of_.erase(of);
    }
  }
}

std::optional<RevokedCertificate> HubCore::revoked_certificate(const CertificateRecord& record) const {
  const auto slash = record.name.find('/');
  const std::string kind = record.name.substr(0, slash), id = record.name.substr(slash + 1);
  if (const auto revoked = revocations_.find({kind, id}); revoked != revocations_.end())
    return RevokedCertificate{record.serial, revoked->second.at, RevocationReason::privilege_withdrawn};
  // An appeal may end a quarantine.
  if (const auto agent = agents_.find(AgentId(id));
      kind == "agent" && agent != agents_.end() && !agent->second.quarantined.empty())
    return RevokedCertificate{record.serial, agent->second.quarantined_at, RevocationReason::certificate_hold};
  return std::nullopt;
}

Result<Bytes> HubCore::revocation_list(std::uint32_t ca_epoch, Time now) {
  const HubIdentity& keys = parts_.identity;
  const std::uint32_t epoch = ca_epoch == 0 ? keys.epochs.ca : ca_epoch;
  Bytes certificate = keys.ca_certificate;
  std::shared_ptr<Signer> key = keys.ca_key;
  if (epoch != keys.epochs.ca) {
    const auto earlier = std::ranges::find(keys.earlier_cas, epoch, &EarlierCa::epoch);
    if (earlier == keys.earlier_cas.end() || !keys.store)
      return fail(ErrorKind::not_found, "there is no CA of epoch " + std::to_string(epoch) +
                                            " that could sign: the one in use is " + std::to_string(keys.epochs.ca) +
                                            ", and of a revoked CA nothing is believed any more");
    auto signer = keys.store->signer({KeyPurpose::ca, epoch});
    if (!signer) return fail(signer.error());
    certificate = earlier->certificate;
    key = std::move(*signer);
  }
  const auto ca = parse_certificate(certificate);
  if (!ca) return fail(ca.error());
  forget_certificates(now);
  RevocationList list{now, now + list_life, list_number_ + 1, {}};
  for (const auto& [until, record] : certificates_)
    if (record.ca == epoch)
      if (auto revoked = revoked_certificate(record)) list.revoked.push_back(std::move(*revoked));
  const std::size_t count = list.revoked.size();
  auto made = make_revocation_list(*ca, *key, std::move(list));
  if (!made) return made;
  // A number that was given out is never given out again, also after a crash.
  effects_.put(std::string(list_number_key), write_list_number(++list_number_));
  parts_.log.write(LogLevel::info, "revocation_list_made",
                   {{"ca", KeyId{KeyPurpose::ca, epoch}.str()},
                    {"number", std::to_string(list_number_)},
                    {"certificates", std::to_string(count)}});
  return made;
}

Status HubCore::restore_certificates(const Ledger& ledger) {
  const auto certificates =
      scan_records(ledger, "certificate/", [&](std::string_view serial, std::string_view record) -> Status {
        auto certificate = read_certificate_record(serial, record);
        if (!certificate) return fail(certificate.error());
        const Time until = certificate->expires_at;
        keep_certificate(until, std::move(*certificate));
        return {};
      });
  if (!certificates) return certificates;
  const auto last = ledger.read(list_number_key);
  if (!last) return fail(last.error());
  if (!*last) return {};
  const auto number = read_list_number(as_text(**last));
  if (!number) return fail(number.error().kind, std::string(list_number_key) + ": " + number.error().message);
  list_number_ = *number;
  return {};
}

}  // namespace forgepool::hub
