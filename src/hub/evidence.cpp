#include "hub/evidence.hpp"

#include "identity/dsse.hpp"
#include "identity/receipt.hpp"
#include "identity/verdict.hpp"

#include <fmt/core.h>

namespace forgepool::hub {
namespace {

tl::unexpected<Error> bad_receipt(std::string_view what) { return fail(ErrorKind::invalid_input, "the receipt " + std::string(what)); }

Status check_shard(const identity::ReceiptShard& shard, const ShardSpec& spec, const std::optional<Digest>& result) {
  if (shard.params != sha256(spec.params)) return bad_receipt(fmt::format("names other parameters for shard {}", spec.index));
  if (shard.inputs.size() != spec.inputs.size()) return bad_receipt(fmt::format("names other inputs for shard {}", spec.index));
  for (std::size_t i = 0; i < spec.inputs.size(); ++i)
    if (shard.inputs[i].name != spec.inputs[i].name || shard.inputs[i].digest != spec.inputs[i].digest)
      return bad_receipt(fmt::format("names another input \"{}\" for shard {}", spec.inputs[i].name, spec.index));
  if (shard.output != result) return bad_receipt(fmt::format("names another output for shard {} than the report", spec.index));
  return {};
}

LoggedStatement logged(const identity::Envelope& envelope, std::string text, ByteView spki, std::vector<Bytes> chain) {
  return {wire::statement_leaf(sha256(envelope.pae()), envelope.signatures.front().signature, spki), {std::move(text), std::move(chain), 0}};
}

}  // namespace

Result<LoggedStatement> check_receipt(const std::string& text, const Peer& peer, const PublicKey& key, const Lease& lease, const Job& job,
                                      const std::vector<std::pair<std::uint32_t, std::optional<Digest>>>& results) {
  const auto envelope = identity::parse_envelope(text);
  if (!envelope) return fail(envelope.error());
  if (envelope->signatures.size() != 1) return bad_receipt("must have exactly one signature");
  if (const auto signature = identity::verify_envelope(*envelope, identity::in_toto_payload_type, key); !signature) return fail(signature.error());
  const auto receipt = identity::parse_receipt(as_text(envelope->payload));
  if (!receipt) return fail(receipt.error());

  const Plan& plan = job.running->plan;
  if (receipt->agent != peer.name) return bad_receipt("is in another agent's name");
  if (receipt->lease != lease.id || receipt->job != job.pseudonym) return bad_receipt("is for another lease");
  if (receipt->adapter != plan.adapter) return bad_receipt("names another adapter");
  if (receipt->limits != plan.limits || receipt->relaxations != plan.relaxations) return bad_receipt("names other limits or relaxations than the plan");
  if (receipt->shards.size() != results.size()) return bad_receipt("does not name exactly the shards of the lease");
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (receipt->shards[i].index != results[i].first) return bad_receipt("does not name exactly the shards of the lease");
    if (const auto shard = check_shard(receipt->shards[i], plan.shards.at(results[i].first), results[i].second); !shard) return fail(shard.error());
  }
  return logged(*envelope, text, key.spki, {peer.certificate});
}

Result<LoggedStatement> sign_verdict(const ShardVerdict& verdict, const Job& job, const HubIdentity& hub, const RandomSource& random, Time now) {
  identity::Verdict statement;
  statement.verifier = "spiffe://" + hub.trust_domain + "/hub";
  statement.verified_at = std::chrono::floor<std::chrono::seconds>(now);
  statement.contract = job.contract.digest;
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
