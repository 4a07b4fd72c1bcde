/// Inputs: uploaded by a client, named by its jobs, kept as long as these need them. Each is encrypted under a key of its own.
#include "crypto/digest.hpp"
#include "hub/hub_core.hpp"
#include "wire/json.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::hub {

Status HubCore::upload(const Digest& digest, Bytes content, const Caller& caller, const Ticket& ticket, Time now) {
  if (sha256(content) != digest) return fail(ErrorKind::invalid_input, "the content does not have the digest " + digest.str());
  auto found = inputs_.find(digest);
  if (found == inputs_.end()) {
    if (content.size() > parts_.options.max_blob_bytes)
      return fail(ErrorKind::too_large, fmt::format("an input may have {} bytes at most, this one has {}",
                                                    parts_.options.max_blob_bytes, content.size()));
    if (input_bytes_ + content.size() > parts_.options.max_total_blob_bytes)
      return fail(ErrorKind::unavailable, "the hub's space for inputs is used up; ask its operator");
    input_bytes_ += content.size();
    found = inputs_.emplace(digest, Input{content.size(), ContentKey::make(parts_.random), {}}).first;
    const Input& input = found->second;
    Bytes secret(input.key->bytes().begin(), input.key->bytes().end());
    secret.insert(secret.end(), digest.bytes.begin(), digest.bytes.end());
    keep_wrapped(input_secret_key(input_names_->name_of(digest)), secret);
    wipe(secret);
    std::string place = input_place(digest);
    Bytes sealed = input.key->seal(parts_.random, place, content);
    effects_.put(std::move(place), std::move(sealed));
  }
  const std::string owner = caller.owner();
  found->second.claims[owner].uploaded_at = now;
  effects_.put(input_owner_key(input_names_->name_of(digest), owner), write_claim(now));
  used_tokens_.use(ticket, {}, steady(now), effects_);
  uploads_.emplace(now + parts_.options.unused_input_life, std::pair{digest, owner});
  return {};
}

Result<Bytes> HubCore::open_input(const Digest& digest, ByteView sealed) const {
  const auto input = inputs_.find(digest);
  if (input == inputs_.end()) return fail(ErrorKind::not_found, "erased: this input has been deleted");
  return input->second.key->open(input_place(digest), sealed);
}

void HubCore::claim_inputs(const Job& job) {
  for (const auto& digest : job.inputs)
    if (const auto input = inputs_.find(digest); input != inputs_.end()) ++input->second.claims[job.owner].jobs;
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
  input->second.claims.erase(owner);
  effects_.erase(input_owner_key(name, owner));
  if (!input->second.claims.empty()) return;
  effects_.erase(input_key(name));
  effects_.erase(input_secret_key(name));
  input_bytes_ -= input->second.bytes;
  inputs_.erase(input);
}

void HubCore::drop_unused_inputs(Time now) {
  for (auto upload = uploads_.begin(); upload != uploads_.end() && upload->first <= now; upload = uploads_.erase(upload)) {
    const auto& [digest, owner] = upload->second;
    const auto input = inputs_.find(digest);
    if (input == inputs_.end()) continue;
    const auto claim = input->second.claims.find(owner);
    if (claim == input->second.claims.end() || claim->second.jobs > 0 ||
        claim->second.uploaded_at + parts_.options.unused_input_life > now)
      continue;
    drop_claim(digest, owner);
    // Nothing is left that it could be opened for: its salt goes at once.
    commit_to("retention", json::canonicalize(json::Object{{"at", to_rfc3339(now)}, {"deleted", "unused input"}}));
    dispose_later(now);
  }
}

}  // namespace forgepool::hub
