/// Where the hub's records stand in the ledger's state.
#include "hub/records.hpp"

#include <fmt/core.h>

namespace forgepool::hub {

std::string job_key(const JobId& job) {
  return "job/" + job.str();
}
std::string result_key(const JobId& job) {
  return "result/" + job.str();
}
std::string event_key(const JobId& job, std::uint32_t number) {
  return fmt::format("event/{}/{:010}", job.str(), number);
}
std::string grant_key(const JobId& job, const LeaseId& lease) {
  return "grant/" + job.str() + "/" + lease.str();
}
std::string receipt_key(const JobId& job, const LeaseId& lease) {
  return "receipt/" + job.str() + "/" + lease.str();
}
std::string inputs_key(const JobId& job) {
  return "inputs/" + job.str();
}
std::string reported_key(const JobId& job, const LeaseId& lease) {
  return "reported/" + job.str() + "/" + lease.str();
}
std::string verdict_key(const JobId& job, std::uint32_t shard) {
  return fmt::format("verdict/{}/{:010}", job.str(), shard);
}
std::string output_key(const JobId& job, const ContentKey& key, const Digest& digest) {
  return "output/" + job.str() + "/" + key.name_of(digest).hex();
}
std::string lease_key(const LeaseId& lease) {
  return "lease/" + lease.str();
}
std::string agent_key(const AgentId& agent) {
  return "agent/" + agent.str();
}
std::string enrolment_key(const AgentId& agent) {
  return "enrolment/" + agent.str();
}
std::string renewal_key(const AgentId& agent) {
  return "renewal/" + agent.str();
}
std::string quarantine_key(const AgentId& agent) {
  return "quarantine/" + agent.str();
}
std::string invitation_key(const Digest& secret_hash) {
  return "invitation/" + secret_hash.hex();
}
std::string adapter_key(const Digest& package) {
  return "adapter/" + package.hex();
}
std::string content_key_key(const JobId& job) {
  return "content_key/" + job.str();
}
std::string input_key(const Digest& name) {
  return "input/" + name.hex();
}
std::string input_secret_key(const Digest& name) {
  return "input_secret/" + name.hex();
}
std::string input_owner_key(const Digest& name, std::string_view owner) {
  return fmt::format("input_owner/{}/{}", name.hex(), owner);
}
std::string erased_key(const JobId& job) {
  return "erased/" + sha256("forgepool erased job v1\n" + job.str()).hex();
}
std::string revocation_key(std::string_view kind, std::string_view id) {
  return fmt::format("revocation/{}/{}", kind, sha256(id).hex());
}
std::string certificate_key(ByteView serial) {
  return "certificate/" + to_hex(serial);
}
std::string key_event_key(std::string_view key_id) {
  return fmt::format("key/{}", key_id);
}
std::string journal_key(std::uint64_t number) {
  return fmt::format("journal/{:020}", number);
}

}  // namespace forgepool::hub
