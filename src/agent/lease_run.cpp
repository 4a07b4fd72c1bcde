#include "agent/lease_run.hpp"

#include "agent/receipt_builder.hpp"
#include "base/checked_arithmetic.hpp"
#include "crypto/reason.hpp"
#include "identity/promise.hpp"
#include "wire/bundle.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::agent {
namespace {

constexpr std::size_t max_shards = 10'000;

/// What was noticed, and the first words of standard error, which say more about a failure than its exit code.
std::string detail_of(const SandboxReport& report) {
  const auto said = as_text(report.standard_error).substr(0, 300);
  if (said.empty()) return report.outcome.detail;
  return fmt::format("{}{}standard error: {}", report.outcome.detail, report.outcome.detail.empty() ? "" : "; ", said);
}

}  // namespace

std::shared_ptr<LeaseRun> LeaseRun::start(Workshop& workshop, wire::fb::LeaseGrantT grant,
                                          std::function<void(LeaseOutcome)> done) {
  std::shared_ptr<LeaseRun> run(new LeaseRun(workshop, std::move(grant), std::move(done)));
  if (const auto sound = run->check_grant(); !sound) {
    workshop.loop.post([run, error = sound.error()] { run->end({false, 0, 0, error}); });
    return run;
  }
  run->started_ = workshop.loop.steady();
  run->arm_heartbeat();
  run->fetch_adapter();
  return run;
}

LeaseRun::LeaseRun(Workshop& workshop, wire::fb::LeaseGrantT grant, std::function<void(LeaseOutcome)> done)
    : workshop_(workshop), grant_(std::move(grant)), done_(std::move(done)) {}

void LeaseRun::cancel() {
  cancelled_->store(true);
  done_ = nullptr;
  heartbeat_.reset();
  retry_.reset();
}

void LeaseRun::end(LeaseOutcome outcome) {
  auto done = std::exchange(done_, nullptr);
  heartbeat_.reset();
  retry_.reset();
  cancelled_->store(true);
  if (done) done(std::move(outcome));
}

Status LeaseRun::check_grant() {
  if (const auto id = LeaseId::parse(grant_.lease); !id) return fail(id.error());
  if (grant_.shards.empty() || grant_.shards.size() > max_shards)
    return fail(ErrorKind::invalid_input, "the lease has no shards, or too many");
  for (std::size_t i = 1; i < grant_.shards.size(); ++i)
    if (grant_.shards[i - 1]->index >= grant_.shards[i]->index)
      return fail(ErrorKind::invalid_input, "the shards of the lease are not in order");
  for (const auto& name : grant_.relaxations) {
    const auto relaxation = parse_sandbox_relaxation(name);
    if (!relaxation) return fail(relaxation.error());
    policy_.allow(*relaxation);
  }
  if (!policy_.within(workshop_.granted))
    return refuse(ErrorKind::denied, "sandbox_relaxations",
                  fmt::format("the lease asks for {}, this agent's operator grants {}", to_string(policy_),
                              to_string(workshop_.granted)));
  const auto determinism = parse_determinism(grant_.determinism);
  if (!determinism) return fail(determinism.error());
  determinism_ = *determinism;
  if (const auto ability = ability_of(*workshop_.sandbox, {}); determinism_ > ability.determinism)
    return refuse(ErrorKind::unsupported, "sandbox_determinism",
                  fmt::format("the lease asks for class {}, this agent's sandbox offers {}", to_string(determinism_),
                              to_string(ability.determinism)));
  if (determinism_ == Determinism::strict) {
    const auto world = parse_world(grant_.world);
    if (!world) return fail(world.error());
    if (*world != workshop_.sandbox->world())
      return refuse(ErrorKind::unsupported, "sandbox_world",
                    fmt::format("the lease asks for {}, this agent's sandbox shows strict programs {}", world_name(*world),
                                world_name(workshop_.sandbox->world())));
  }
  return {};
}

// --- what the shards need --------------------------------------------------------------------------------------------

void LeaseRun::fetch(const Digest& digest, std::function<void(Result<Bytes>)> use) {
  Request request;
  request.path = "/v1/agent/blob/" + digest.hex();
  request.authorization = grant_.token;
  workshop_.link.send(std::move(request), [self = shared_from_this(), digest,
                                           use = std::move(use)](Result<Response> response) mutable {
    if (!self->done_) return;
    if (!response && response.error().kind == ErrorKind::unavailable) {
      self->retry_ = self->workshop_.loop.after(self->workshop_.link.pause(), [self, digest, use = std::move(use)]() mutable {
        self->fetch(digest, std::move(use));
      });
      return;
    }
    if (!response) return use(fail(response.error()));
    if (sha256(response->body) != digest)
      return use(fail(ErrorKind::corrupt, "the hub sent something else than " + digest.str()));
    use(std::move(response->body));
  });
}

void LeaseRun::fetch_adapter() {
  const Digest digest = wire::from_wire(*grant_.adapter);
  adapter_ = workshop_.adapters.find(digest);
  if (adapter_) return fetch_inputs();
  fetch(digest, [this](Result<Bytes> bytes) {
    if (!bytes) return end({false, 0, 0, bytes.error()});
    auto opened = open_adapter(std::move(*bytes));
    if (!opened) return end({false, 0, 0, opened.error()});
    adapter_ = std::move(*opened);
    workshop_.adapters.add(adapter_);
    fetch_inputs();
  });
}

void LeaseRun::fetch_inputs() {
  if (ran_.empty() && inputs_.empty() && missing_.empty())
    for (const auto& shard : grant_.shards)
      for (const auto& input : shard->inputs)
        if (const Digest digest = wire::from_wire(*input->digest); inputs_.emplace(digest, nullptr).second)
          missing_.push_back(digest);
  if (missing_.empty()) return run_shards();
  fetch(missing_.back(), [this](Result<Bytes> bytes) {
    if (!bytes) return end({false, 0, 0, bytes.error()});
    inputs_[missing_.back()] = std::make_shared<const Bytes>(std::move(*bytes));
    missing_.pop_back();
    fetch_inputs();
  });
}

// --- running ---------------------------------------------------------------------------------------------------------

SandboxRequest LeaseRun::request_for(const wire::fb::LeaseShardT& shard) const {
  SandboxRequest request;
  request.program_digest = adapter_->program_digest();
  request.program = adapter_->program();
  request.arguments = grant_.arguments;
  request.files.push_back({"params.json", std::make_shared<const Bytes>(to_bytes(shard.params)), false});
  for (const auto& input : shard.inputs)
    request.files.push_back({input->name, inputs_.at(wire::from_wire(*input->digest)), input->executable});
  request.limits = wire::from_wire(*grant_.limits);
  request.policy = policy_;
  request.determinism = determinism_;
  request.seed = sha256(shard.params);
  request.owner = grant_.job;  // The job's pseudonym: agents know no other.
  request.cancelled = cancelled_.get();
  return request;
}

void LeaseRun::run_shards() {
  for (const auto& shard : grant_.shards) {
    workshop_.slots->take([self = shared_from_this(), request = request_for(*shard), index = shard->index,
                           params = sha256(shard->params)](std::shared_ptr<Slots::Place> place) mutable {
      if (!self->done_) return;
      auto ran = std::make_shared<Ran>();
      ran->index = index;
      ran->params = params;
      self->workshop_.loop.run_blocking(
          // The flag that `request.cancelled` points to lives as long as this work.
          [ran, request = std::move(request), adapter = self->adapter_, sandbox = self->workshop_.sandbox,
           flag = self->cancelled_] { ran->report = adapter->run(request, *sandbox); },
          [self, ran, place = std::move(place)]() mutable {
            place.reset();
            if (self->done_) self->shard_ran(std::move(*ran));
          });
    });
  }
}

void LeaseRun::shard_ran(Ran ran) {
  if (ran.ok()) {
    const auto output = ran.report.outputs.find(std::string(shard_output_name));
    if (output == ran.report.outputs.end()) {
      ran.report.outcome = {SandboxOutcome::Kind::output_limit, 0,
                            "the program left no /out/" + std::string(shard_output_name)};
    } else {
      ran.output = std::move(output->second);
      ran.report.outputs.clear();
    }
  }
  if (!ran.ok())
    workshop_.log.write(LogLevel::warning, "shard_failed",
                        {{"lease", grant_.lease},
                         {"shard", std::to_string(ran.index)},
                         {"outcome", describe(ran.report.outcome)},
                         {"stderr", std::string(as_text(ran.report.standard_error).substr(0, 500))}});
  const auto index = ran.index;
  ran_.insert_or_assign(index, std::move(ran));
  if (ran_.size() == grant_.shards.size()) report();
}

// --- reporting -------------------------------------------------------------------------------------------------------

void LeaseRun::report() {
  wire::fb::LeaseResultT result;
  result.lease = grant_.lease;
  for (const auto& [index, ran] : ran_) {
    auto shard = std::make_unique<wire::fb::ShardReportT>();
    shard->index = index;
    shard->outcome = to_string(ran.report.outcome.kind);
    shard->code = ran.report.outcome.code;
    shard->detail = ran.ok() ? "" : detail_of(ran.report);
    shard->output = ran.output;
    result.shards.push_back(std::move(shard));
  }
  // Somebody may have set the clock since: the work took as long as it took.
  const Time ended = workshop_.loop.now();
  auto receipt = build_receipt(grant_, ran_, workshop_, ended - (workshop_.loop.steady() - started_), ended);
  if (!receipt) return end({false, 0, 0, receipt.error()});
  const auto envelope = identity::parse_envelope(*receipt);
  if (!envelope) return end({false, 0, 0, envelope.error()});
  receipt_leaf_ = leaf_hash(wire::statement_leaf(envelope->pae_digest(), envelope->signatures.front().signature,
                                                 workshop_.credentials.identity.key->public_key().spki));
  result.receipt = std::move(*receipt);
  report_ = std::make_shared<const Bytes>(wire::encode(result));
  send_report();
}

void LeaseRun::send_report() {
  Request request;
  request.method = "POST";
  request.path = "/v1/agent/result";
  request.authorization = grant_.token;
  request.body = *report_;
  workshop_.link.send(std::move(request), [self = shared_from_this()](Result<Response> response) {
    if (!self->done_) return;
    if (!response && response.error().kind == ErrorKind::unavailable) {
      self->retry_ = self->workshop_.loop.after(self->workshop_.link.pause(), [self] { self->send_report(); });
      return;
    }
    // After an outage: the work is done, and a heartbeat brings another token, if the lease is still to be had.
    if (!response && reason_code(response.error()) == "token_expired" && self->tokens_left_-- > 0) {
      self->awaits_token_ = true;
      return self->beat();
    }
    const Status promised = response ? self->take_promise(response->body) : fail(response.error());
    LeaseOutcome outcome;
    outcome.acknowledged = promised.has_value();
    outcome.shards = static_cast<std::uint32_t>(self->ran_.size());
    outcome.failed =
        static_cast<std::uint32_t>(std::ranges::count_if(self->ran_, [](const auto& entry) { return !entry.second.ok(); }));
    if (!promised) outcome.error = promised.error();
    self->end(std::move(outcome));
  });
}

Status LeaseRun::take_promise(ByteView acknowledgement) {
  const auto taken = wire::decode<wire::fb::ReportTakenT>(acknowledgement);
  if (!taken) return fail(taken.error());
  const auto envelope = identity::parse_envelope(taken->promise);
  if (!envelope) return fail(envelope.error());
  const auto promise = identity::read_promise(*envelope);
  if (!promise) return fail(promise.error());
  if (promise->lease.str() != grant_.lease || promise->leaf != receipt_leaf_)
    return refuse(ErrorKind::corrupt, "promise_other", "the hub took the report and promises to log something else");
  if (workshop_.on_promise)
    if (const auto kept = workshop_.on_promise(taken->promise); !kept)
      workshop_.log.write(LogLevel::error, "promise_not_kept", {{"lease", grant_.lease}, {"reason", kept.error().message}});
  return {};
}

// --- staying alive ---------------------------------------------------------------------------------------------------

void LeaseRun::arm_heartbeat() {
  // Three chances per life of the lease.
  const Duration interval = std::max<Duration>(duration_from_ms(grant_.deadline_ms) / 3, std::chrono::milliseconds(50));
  heartbeat_ = workshop_.loop.after(interval, [self = weak_from_this()] {
    if (const auto run = self.lock()) run->beat();
  });
}

void LeaseRun::beat() {
  wire::fb::HeartbeatT heartbeat;
  heartbeat.leases.push_back(grant_.lease);
  Request request;
  request.method = "POST";
  request.path = "/v1/agent/heartbeat";
  request.body = wire::encode(heartbeat);
  workshop_.link.send(std::move(request), [self = shared_from_this()](Result<Response> response) {
    if (!self->done_) return;
    if (response) {
      const auto answer = wire::decode<wire::fb::HeartbeatAnswerT>(response->body);
      if (!answer) return self->end({false, 0, 0, answer.error()});
      if (std::ranges::find(answer->ended, self->grant_.lease) != answer->ended.end())
        return self->end({false, 0, 0, Error{ErrorKind::conflict, "the hub ended the lease"}});
      for (const auto& renewed : answer->renewed)
        if (renewed->lease == self->grant_.lease && !renewed->token.empty()) {
          self->grant_.token = renewed->token;
          self->grant_.deadline_ms = renewed->deadline_ms;
          if (std::exchange(self->awaits_token_, false)) self->send_report();
        }
    } else if (response.error().kind != ErrorKind::unavailable) {
      return self->end({false, 0, 0, response.error()});
    }
    self->arm_heartbeat();
  });
}

}  // namespace forgepool::agent
