#include "identity/receipt_check.hpp"

#include "crypto/reason.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::identity {
namespace {

using Inputs = std::vector<std::pair<std::string, Digest>>;

template <class Input>
Inputs by_name(const std::vector<Input>& inputs) {
  Inputs pairs;
  for (const Input& input : inputs) pairs.emplace_back(input.name, input.digest);
  std::ranges::sort(pairs);
  return pairs;
}

tl::unexpected<Error> wrong(const std::string& what) {
  return fail(ErrorKind::invalid_input, "receipt: " + what);
}

Status check_shard(const ReceiptShard& shard, const Plan& plan) {
  const auto found = std::ranges::lower_bound(plan.shards, shard.index, {}, &ShardSpec::index);
  if (found == plan.shards.end() || found->index != shard.index)
    return wrong(fmt::format("there is no shard {}: the plan has {}", shard.index, plan.shards.size()));
  const ShardSpec& planned = *found;
  if (shard.params != sha256(planned.params))
    return wrong(fmt::format("shard {} ran with other parameters than the plan's", shard.index));
  if (by_name(shard.inputs) != by_name(planned.inputs))
    return wrong(fmt::format("shard {} ran with other inputs than the plan's", shard.index));
  return {};
}

Status check_terms(const Receipt& receipt, const ReceiptTerms& terms) {
  if (receipt.job != terms.job) return wrong("it is for another job");
  if (receipt.contract != terms.contract)
    return refuse(ErrorKind::invalid_input, "receipt_contract", "it was signed for another contract or job");
  if (receipt.adapter != terms.plan.adapter) return wrong("it is for another adapter, " + receipt.adapter.str());
  if (receipt.limits != terms.plan.limits) return wrong("the limits are not the plan's");
  if (receipt.relaxations != terms.plan.relaxations) return wrong("the sandbox's relaxations are not the plan's");
  if (receipt.level < terms.minimum_level)
    return refuse(ErrorKind::invalid_input, "receipt_sandbox_level",
                  fmt::format("it ran at sandbox level {}, the contract asks for {} or better", to_string(receipt.level),
                              to_string(terms.minimum_level)));
  if (receipt.determinism < terms.plan.determinism)
    return refuse(ErrorKind::invalid_input, "receipt_determinism",
                  fmt::format("it ran with determinism class {}, the adapter asks for {}", to_string(receipt.determinism),
                              to_string(terms.plan.determinism)));
  if (terms.plan.determinism == Determinism::strict && receipt.world != terms.plan.world)
    return refuse(
        ErrorKind::invalid_input, "receipt_world",
        fmt::format("its programs saw {}, the plan is for {}", world_name(receipt.world), world_name(terms.plan.world)));
  if (receipt.started_at > receipt.finished_at) return wrong("the work ended before it began");
  for (const ReceiptShard& shard : receipt.shards)
    if (auto fits = check_shard(shard, terms.plan); !fits) return fits;
  return {};
}

}  // namespace

Result<CheckedReceipt> check_receipt(const Envelope& envelope, const std::vector<Bytes>& chain, const ReceiptTerms& terms) {
  // The payload says at what time the certificate must have been in force, so it is read before it is trusted.
  auto receipt = parse_receipt(as_text(envelope.payload));
  if (!receipt) return fail(receipt.error());
  auto signer = verify_svid(chain, terms.issuers, receipt->finished_at);
  if (!signer) return fail(signer.error());
  if (signer->id.role != NodeRole::agent)
    return refuse(ErrorKind::unauthenticated, "svid_role", signer->id.uri() + " is no agent");
  if (envelope.signatures.size() != 1) return wrong("expected exactly one signature");
  if (auto verified = verify_envelope(envelope, in_toto_payload_type, signer->certificate.key); !verified)
    return refuse(ErrorKind::unauthenticated, "receipt_signature",
                  "not signed by the key of " + signer->id.uri() + ": " + verified.error().message);
  if (receipt->agent != signer->id.uri())
    return refuse(ErrorKind::unauthenticated, "receipt_agent",
                  receipt->agent + " by its own account, but signed by " + signer->id.uri());
  if (auto fits = check_terms(*receipt, terms); !fits) return fail(fits.error());
  return CheckedReceipt{std::move(*receipt), std::move(*signer)};
}

}  // namespace forgepool::identity
