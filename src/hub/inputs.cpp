/// Inputs: uploaded by a client, named by its jobs, kept as long as these need them. Each is encrypted under a key of its own.
#include "base/checked_arithmetic.hpp"
#include "crypto/digest.hpp"
#include "hub/hub_core.hpp"
#include "wire/json.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::hub {
namespace {

/// What the claim on an input takes of the hub: a record, and what is in memory; of the first one also the key and the content.
constexpr std::uint64_t claim_bytes = 16u << 10;

std::uint64_t cost_of_content(std::uint64_t bytes) {
  return std::max(bytes, claim_bytes);
}

}  // namespace

Status HubCore::upload(const Digest& digest, Bytes content, const Caller& caller, const Ticket& ticket, Time now) {
  if (sha256(content) != digest) return fail(ErrorKind::invalid_input, "the content does not have the digest " + digest.str());
  auto found = inputs_.find(digest);
  if (found == inputs_.end()) {
    if (content.size() > parts_.options.max_blob_bytes)
      return fail(ErrorKind::too_large, fmt::format("an input may have {} bytes at most, this one has {}",
                                                    parts_.options.max_blob_bytes, content.size()));
    if (const auto room = take_input_space(cost_of_content(content.size())); !room) return room;
    found = inputs_.emplace(digest, Input{content.size(), ContentKey::make(parts_.random), {}}).first;
    const Input& input = found->second;
    Bytes secret(input.key->bytes().begin(), input.key->bytes().end());
    secret.insert(secret.end(), digest.bytes.begin(), digest.bytes.end());
    keep_wrapped(input_secret_key(input_names_->name_of(digest)), secret);
    wipe(secret);
    std::string place = input_place(digest);
    Bytes sealed = input.key->seal(parts_.random, place, content);
    effects_.put(std::move(place), std::move(sealed));
  } else if (!found->second.claims.contains(caller.owner())) {
    if (const auto room = take_input_space(claim_bytes); !room) return room;
  }
  const std::string owner = caller.owner();
  const auto [claim, made] = found->second.claims.try_emplace(owner);
  // Again within a minute is the same upload, and changes nothing; but where a job may let go of it, it is another one.
  if (!made && claim->second.jobs == 0 && claim->second.uploaded_at + std::chrono::minutes(1) > now) return {};
  claim->second.uploaded_at = now;
  effects_.put(input_owner_key(input_names_->name_of(digest), owner), write_claim(now));
  used_tokens_.use(ticket, {}, steady(now), effects_);
  keep_upload(digest, owner, claim->second);
  return {};
}

Status HubCore::take_input_space(std::uint64_t bytes) {
  if (saturating_add(input_bytes_, bytes) > parts_.options.max_total_blob_bytes)
    return fail(ErrorKind::unavailable, "the hub's space for inputs is used up; ask its operator");
  input_bytes_ += bytes;
  return {};
}

std::uint64_t HubCore::cost_of(const Input& input) {
  return cost_of_content(input.bytes) + (input.claims.size() - 1) * claim_bytes;
}

void HubCore::keep_upload(const Digest& digest, const std::string& owner, Claim& claim) {
  // Once is enough: when its time has come, the last upload counts.
  if (!std::exchange(claim.due, true))
    uploads_.emplace(claim.uploaded_at + parts_.options.unused_input_life, std::pair{digest, owner});
}

Result<std::shared_ptr<const ContentKey>> HubCore::input_content_key(const Digest& digest) const {
  const auto input = inputs_.find(digest);
  if (input == inputs_.end()) return fail(ErrorKind::not_found, "erased: this input has been deleted");
  return input->second.key;
}

void HubCore::claim_inputs(const Job& job) {
  for (const auto& digest : job.inputs)
    if (const auto input = inputs_.find(digest); input != inputs_.end())
      if (const auto claim = input->second.claims.find(job.owner); claim != input->second.claims.end()) ++claim->second.jobs;
}

bool HubCore::release_inputs(const Job& job, Time now) {
  bool deleted = false;
  for (const auto& digest : job.inputs) {
    const auto input = inputs_.find(digest);
    if (input == inputs_.end()) continue;
    const auto claim = input->second.claims.find(job.owner);
    if (claim == input->second.claims.end() || claim->second.jobs == 0 || --claim->second.jobs > 0) continue;
    // Uploaded anew since: for a job that is still to come.
    const Time uploaded = claim->second.uploaded_at;
    if (uploaded > job.accepted_at && uploaded + parts_.options.unused_input_life > now) continue;
    drop_claim(digest, job.owner);
    deleted = true;
  }
  return deleted;
}

void HubCore::drop_claim(const Digest& digest, const std::string& owner) {
  const auto input = inputs_.find(digest);
  const Digest name = input_names_->name_of(digest);
  input_bytes_ -= input->second.claims.size() > 1 ? claim_bytes : cost_of(input->second);
  input->second.claims.erase(owner);
  effects_.erase(input_owner_key(name, owner));
  if (!input->second.claims.empty()) return;
  effects_.erase(input_key(name));
  effects_.erase(input_secret_key(name));
  inputs_.erase(input);
}

void HubCore::drop_unused_inputs(Time now) {
  while (!uploads_.empty() && uploads_.begin()->first <= now) {
    const auto [digest, owner] = std::move(uploads_.extract(uploads_.begin()).mapped());
    const auto input = inputs_.find(digest);
    if (input == inputs_.end()) continue;
    const auto claim = input->second.claims.find(owner);
    if (claim == input->second.claims.end()) continue;
    claim->second.due = false;
    if (claim->second.uploaded_at + parts_.options.unused_input_life > now) {
      keep_upload(digest, owner, claim->second);
      continue;
    }
    if (claim->second.jobs > 0) continue;
    drop_claim(digest, owner);
    // Nothing is left that it could be opened for: its salt goes at once.
    commit_to("retention", json::canonicalize(json::Object{{"at", to_rfc3339(now)}, {"deleted", "unused input"}}));
    dispose_later(now);
  }
}

}  // namespace forgepool::hub
