#include "hub/evidence.hpp"

#include "crypto/x509.hpp"
#include "identity/dsse.hpp"
#include "identity/receipt_check.hpp"
#include "identity/verdict.hpp"

#include <fmt/core.h>

namespace forgepool::hub {
namespace {

tl::unexpected<Error> bad_receipt(std::string_view what) {
  return fail(ErrorKind::invalid_input, "receipt: it " + std::string(what));
}

LoggedStatement logged(const identity::Envelope& envelope, std::string text, ByteView spki, std::vector<Bytes> chain) {
  return {wire::statement_leaf(envelope.pae_digest(), envelope.signatures.front().signature, spki),
          {std::move(text), std::move(chain), 0}};
}

}  // namespace

Result<LoggedStatement> check_receipt(const std::string& text, const Peer& peer, const HubIdentity& hub, const Lease& lease,
                                      const Job& job, const std::vector<ClaimedShard>& claimed, Time now) {
  const auto envelope = identity::parse_envelope(text);
  if (!envelope) return fail(envelope.error());
  // Exactly what an auditor will check: nothing may count here that is refused there.
  const auto checked = identity::check_receipt(*envelope, {peer.certificate},
                                               {identity::issuers_of(hub, now), job.pseudonym, job.contract_commitment(),
                                                job.running->plan, job.contract.policy.sandbox_level});
  if (!checked) return fail(checked.error());
  const auto& receipt = checked->receipt;
  if (receipt.lease != lease.id) return bad_receipt("is for another lease");
  if (receipt.shards.size() != claimed.size()) return bad_receipt("does not name exactly the shards of the lease");
  for (std::size_t i = 0; i < claimed.size(); ++i) {
    const auto& shard = receipt.shards[i];
    if (shard.index != claimed[i].index) return bad_receipt("does not name exactly the shards of the lease");
    if (shard.output != claimed[i].output)
      return bad_receipt(fmt::format("names another output for shard {} than the report", shard.index));
    if (shard.outcome.kind != claimed[i].kind || shard.outcome.code != claimed[i].code)
      return bad_receipt(fmt::format("says of shard {} that it {}, the report that it {}", shard.index,
                                     describe({shard.outcome.kind, shard.outcome.code, ""}),
                                     describe({claimed[i].kind, claimed[i].code, ""})));
  }
  return logged(*envelope, text, checked->signer.certificate.key.spki, {peer.certificate});
}

Result<LoggedStatement> sign_verdict(const ShardVerdict& verdict, const Job& job, const HubIdentity& hub,
                                     const RandomSource& random, Time now) {
  identity::Verdict statement;
  statement.verifier = "spiffe://" + hub.trust_domain + "/hub";
  statement.verified_at = std::chrono::floor<std::chrono::seconds>(now);
  statement.contract = job.contract.digest;
  statement.adversary = job.contract.policy.adversary;
  statement.shard = verdict;
  statement.salt.resize(identity::verdict_salt_bytes);
  random(statement.salt);
  const auto payload = identity::write_verdict(statement);
  if (!payload) return fail(payload.error());
  auto text = identity::sign_envelope(identity::in_toto_payload_type, as_bytes(*payload), *hub.tls.key);
  if (!text) return fail(text.error());
  const auto envelope = identity::parse_envelope(*text);
  if (!envelope) return fail(envelope.error());
  return logged(*envelope, std::move(*text), hub.tls.key->public_key().spki, {});
}

}  // namespace forgepool::hub
