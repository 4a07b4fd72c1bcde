// Every message of protocol.fbs that is the body of a request or of an answer.
#include "targets.hpp"

#include "wire/messages.hpp"

namespace forgepool::fuzz {
namespace {

/// Decoded messages are encoded and decoded again: nothing that was read can be what cannot be written.
template <class T>
Target message(std::string name, const std::function<void(T&)>& fill) {
  T plain, full;
  // Required fields are strings and vectors: empty ones will do, where there are no digests.
  fill(full);
  return {std::move(name), {wire::encode(full)}, [](ByteView input) {
            const auto read = wire::decode<T>(input);
            if (!read) return false;
            const auto again = wire::decode<T>(wire::encode(*read));
            hold(again.has_value(), "a message that was read can be written and read");
            return true;
          }};
}

std::unique_ptr<wire::fb::Sha256> digest() {
  return wire::to_wire_ptr(sha256(Bytes{1}));
}

wire::fb::JobStatusT status() {
  wire::fb::JobStatusT status;
  status.job = "job-1";
  status.contract = digest();
  status.state = "running";
  status.shards = 7;
  status.failure = "none";
  status.result = digest();
  auto wait = std::make_unique<wire::fb::WaitT>();
  wait->code = "no_agent";
  wait->text = "nobody is there";
  status.reasons.push_back(std::move(wait));
  auto caught = std::make_unique<wire::fb::CaughtT>();
  caught->agent = "a-1";
  caught->returned = digest();
  caught->accepted = digest();
  caught->reason = "lied";
  status.quarantined.push_back(std::move(caught));
  return status;
}

}  // namespace

std::vector<Target> message_targets() {
  using namespace wire::fb;
  std::vector<Target> targets;
  targets.push_back(message<FailureT>("failure", [](auto& m) { m.kind = "denied", m.message = "no"; }));
  targets.push_back(
      message<EnrollT>("enroll", [](auto& m) { m.secret = Bytes(32, 1), m.certificate_request = Bytes(200, 2); }));
  targets.push_back(message<TokenAskT>("token_ask", [](auto& m) {
    m.actions = {"read", "cancel"}, m.job = "job-1", m.once = true;
    m.blob = digest();
  }));
  targets.push_back(message<TokenGrantT>("token_grant", [](auto& m) { m.token = "v4.public.AAAA", m.life_ms = 300'000; }));
  targets.push_back(message<EnrolledT>("enrolled", [](auto& m) {
    for (int i = 0; i < 2; ++i) {
      m.chain.push_back(std::make_unique<CertificateDerT>());
      m.chain.back()->der = Bytes(300, 3);
    }
  }));
  targets.push_back(message<LeaseAskT>("lease_ask", [](auto& m) { m.max_shards = 4, m.wait_ms = 1000; }));
  targets.push_back(message<LeaseGrantT>("lease_grant", [](auto& m) {
    m.lease = "l-1", m.token = "v4.public.x", m.job = "w-1", m.deadline_ms = 15000;
    m.adapter = digest();
    m.contract = digest();
    m.arguments = {"a", "b"};
    m.limits = std::make_unique<LimitsT>();
    m.relaxations = {"spawn"};
    for (std::uint32_t i = 0; i < 3; ++i) {
      auto shard = std::make_unique<LeaseShardT>();
      shard->index = i;
      shard->params = "{}";
      auto input = std::make_unique<InputT>();
      input->name = "data";
      input->digest = digest();
      shard->inputs.push_back(std::move(input));
      m.shards.push_back(std::move(shard));
    }
  }));
  targets.push_back(message<HeartbeatT>("heartbeat", [](auto& m) { m.leases = {"l-1", "l-2"}; }));
  targets.push_back(message<HeartbeatAnswerT>("heartbeat_answer", [](auto& m) {
    m.ended = {"l-1"};
    m.renewed.push_back(std::make_unique<RenewedLeaseT>());
    m.renewed.back()->lease = "l-2", m.renewed.back()->token = "v4.public.x";
  }));
  targets.push_back(message<LeaseResultT>("lease_result", [](auto& m) {
    m.lease = "l-1", m.receipt = "{}";
    for (std::uint32_t i = 0; i < 3; ++i) {
      auto shard = std::make_unique<ShardReportT>();
      shard->index = i, shard->outcome = "exited", shard->detail = "", shard->output = Bytes(50, 7);
      m.shards.push_back(std::move(shard));
    }
  }));
  targets.push_back(message<JobStatusT>("job_status", [](auto& m) { m = status(); }));
  targets.push_back(message<ExplanationT>("explanation", [](auto& m) {
    m.status = std::make_unique<JobStatusT>(status());
    m.shards.push_back(std::make_unique<ShardExplanationT>());
    m.shards.back()->text = "waits";
  }));
  targets.push_back(message<JobListT>("job_list", [](auto& m) { m.jobs.push_back(std::make_unique<JobStatusT>(status())); }));
  targets.push_back(message<InviteT>("invite", [](auto& m) { m.role = "agent", m.ttl_s = 60, m.uses = 1; }));
  targets.push_back(message<InvitationT>("invitation", [](auto& m) { m.join_token = "fp1.x"; }));
  targets.push_back(message<AgentListT>("agent_list", [](auto& m) {
    m.agents.push_back(std::make_unique<AgentInfoT>());
    m.agents.back()->agent = "a-1", m.agents.back()->state = "present";
  }));
  return targets;
}

}  // namespace forgepool::fuzz
