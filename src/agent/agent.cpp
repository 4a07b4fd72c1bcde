#include <forgepool/agent.hpp>

#include "agent/lease_run.hpp"
#include "identity/enrolment.hpp"
#include "identity/svid.hpp"

#include <algorithm>

namespace forgepool {
namespace {

using agent::LeaseOutcome;
using agent::LeaseRun;

// The hub answers an idle agent after this long, so that either side notices a dead connection.
constexpr std::uint32_t ask_wait_ms = 20'000;

class DefaultAgent final : public Agent {
 public:
  DefaultAgent(EventLoop& loop, Credentials credentials, AgentParts parts, AgentOptions options)
      : loop_(loop),
        credentials_(std::move(credentials)),
        options_(std::move(options)),
        log_(parts.log ? std::move(parts.log) : make_null_log()),
        transport_(std::move(parts.transport)),
        link_(loop, *transport_, credentials_, {options_.hub_address, options_.hub_port, options_.reconnect_delay}, *log_),
        adapters_(options_.adapter_cache_bytes),
        workshop_{loop,
                  link_,
                  adapters_,
                  std::make_shared<agent::Slots>(std::max(1u, options_.slots)),
                  std::move(parts.sandbox),
                  options_.numeric_class,
                  options_.granted,
                  credentials_,
                  *log_,
                  options_.on_promise} {
    runs_.resize(std::max(1u, options_.concurrent_leases));
    retries_.resize(runs_.size());
    arm_renewal();
    for (std::size_t worker = 0; worker < runs_.size(); ++worker) ask_later(worker, Duration::zero());
  }

  ~DefaultAgent() override {
    for (auto& run : runs_)
      if (run) run->cancel();
  }

  const AgentStatistics& statistics() const override {
    statistics_.connected = link_.connected();
    return statistics_;
  }

  void drain(std::function<void()> done) override {
    drained_ = std::move(done);
    draining_ = true;
    check_drained();
  }

 private:
  void ask_later(std::size_t worker, Duration delay) {
    retries_[worker] = loop_.after(delay, [this, worker] { ask(worker); });
  }

  void ask(std::size_t worker) {
    if (draining_ || !statistics_.refused.empty()) return;
    if (loop_.now() >= statistics_.certificate_expires_at) return refuse(expired());
    wire::fb::LeaseAskT message;
    message.max_shards = options_.max_shards_per_lease;
    message.wait_ms = ask_wait_ms;
    message.numeric_class = options_.numeric_class;
    const auto ability = ability_of(*workshop_.sandbox, options_.granted);
    message.sandbox_level = to_string(ability.level);
    message.determinism = to_string(ability.determinism);
    for (const auto relaxation : options_.granted.relaxations()) message.relaxations.emplace_back(to_string(relaxation));
    Request request;
    request.method = "POST";
    request.path = "/v1/agent/lease";
    request.body = wire::encode(message);
    link_.send(std::move(request), [this, worker](Result<Response> response) { answered(worker, std::move(response)); });
  }

  void answered(std::size_t worker, Result<Response> response) {
    if (!response) {
      const auto kind = response.error().kind;
      if (kind == ErrorKind::denied || kind == ErrorKind::unauthenticated)
        return refuse(loop_.now() >= statistics_.certificate_expires_at ? expired() : response.error());
      return ask_later(worker, std::max<Duration>(link_.pause(), options_.reconnect_delay));
    }
    if (response->status == 204 || draining_) return ask_later(worker, Duration::zero());
    auto grant = wire::decode<wire::fb::LeaseGrantT>(response->body);
    if (!grant) {
      log_->write(LogLevel::error, "lease_malformed", {{"reason", grant.error().message}});
      return ask_later(worker, options_.reconnect_delay);
    }
    runs_[worker] = LeaseRun::start(workshop_, std::move(*grant),
                                    [this, worker](LeaseOutcome outcome) { ended(worker, std::move(outcome)); });
  }

  void ended(std::size_t worker, LeaseOutcome outcome) {
    runs_[worker].reset();
    if (outcome.acknowledged) {
      ++statistics_.leases;
      statistics_.shards += outcome.shards;
      statistics_.failed_shards += outcome.failed;
    } else if (outcome.error) {
      log_->write(LogLevel::warning, "lease_lost", {{"reason", outcome.error->message}});
    }
    if (draining_) return check_drained();
    // After a lost lease not at once: whatever was wrong may be wrong still.
    ask_later(worker, outcome.acknowledged ? Duration::zero() : options_.reconnect_delay);
  }

  // --- the certificate

  /// An agent that slept through the life of its certificate: nothing but a new invitation helps.
  Error expired() const {
    return {ErrorKind::unauthenticated,
            "the certificate of " + credentials_.name + " expired at " + to_rfc3339(statistics_.certificate_expires_at) +
                " and was not renewed in time: ask the hub's operator for a join token (forgepool hub invite), and enrol again "
                "(forgepool agent enroll --join TOKEN --output NEW_DIRECTORY)"};
  }

  void arm_renewal() {
    const auto life = certificate_life(credentials_);
    if (!life) return refuse(life.error());
    statistics_.certificate_expires_at = life->expires_at;
    renew_at(life->renew_at);
  }

  void renew_at(Time time) {
    renewal_ = loop_.after(std::max<Duration>(time - loop_.now(), Duration::zero()), [this] { renew(); });
  }

  void renew() {
    const Time now = loop_.now();
    if (!statistics_.refused.empty()) return;
    if (now >= statistics_.certificate_expires_at) return refuse(expired());
    auto request = make_certificate_request(*credentials_.identity.key);
    if (!request) return renewal_failed(request.error());
    wire::fb::RenewT message;
    message.certificate_request = std::move(*request);
    Request ask;
    ask.method = "POST";
    ask.path = "/v1/renew";
    ask.body = wire::encode(message);
    link_.send(std::move(ask), [this](Result<Response> response) {
      if (!response) return renewal_failed(response.error());
      const auto enrolled = wire::decode<wire::fb::EnrolledT>(response->body);
      if (!enrolled) return renewal_failed(enrolled.error());
      auto renewed = identity::accept_enrolment(*enrolled, credentials_.identity.key, credentials_.hub_pins);
      if (!renewed) return renewal_failed(renewed.error());
      if (renewed->name != credentials_.name)
        return renewal_failed({ErrorKind::corrupt, "the hub sent a certificate for somebody else"});
      credentials_ = std::move(*renewed);
      statistics_.unhealthy.clear();
      log_->write(LogLevel::info, "certificate_renewed", {{"agent", credentials_.name}});
      if (options_.on_renewed)
        if (const auto kept = options_.on_renewed(credentials_); !kept)
          log_->write(LogLevel::error, "credentials_not_kept", {{"reason", kept.error().message}});
      link_.renew();
      arm_renewal();
    });
  }

  void renewal_failed(const Error& error) {
    statistics_.unhealthy = "the certificate, which expires at " + to_rfc3339(statistics_.certificate_expires_at) +
                            ", could not be renewed: " + error.message;
    log_->write(LogLevel::warning, "renewal_failed", {{"reason", error.message}});
    // Again and again until the last moment, and then once more, to say so.
    const Duration left = statistics_.certificate_expires_at - loop_.now();
    renew_at(loop_.now() + std::clamp<Duration>(left / 8, options_.reconnect_delay, std::chrono::minutes(5)));
  }

  void refuse(const Error& error) {
    if (!statistics_.refused.empty()) return;
    statistics_.refused = error.message;
    log_->write(LogLevel::error, "refused_by_hub", {{"reason", error.message}});
  }

  void check_drained() {
    if (!drained_ || std::ranges::any_of(runs_, [](const auto& run) { return run != nullptr; })) return;
    loop_.post(std::exchange(drained_, nullptr));
  }

  EventLoop& loop_;
  Credentials credentials_;  ///< Replaced when the certificate is renewed; the key stays.
  const AgentOptions options_;
  const std::shared_ptr<LogSink> log_;
  const std::unique_ptr<Transport> transport_;
  agent::HubLink link_;
  agent::AdapterCache adapters_;
  agent::Workshop workshop_;
  std::vector<std::shared_ptr<LeaseRun>> runs_;
  std::vector<std::unique_ptr<Subscription>> retries_;
  std::unique_ptr<Subscription> renewal_;
  mutable AgentStatistics statistics_;
  std::function<void()> drained_;
  bool draining_ = false;
};

}  // namespace

Result<std::unique_ptr<Agent>> start_agent(EventLoop& loop, Credentials credentials, AgentParts parts, AgentOptions options) {
  const auto name = identity::parse_spiffe_id(credentials.name);
  if (!name || name->role != identity::NodeRole::agent)
    return fail(ErrorKind::invalid_input,
                "these are not an agent's credentials (" + credentials.name + "); enrol with a join token made for an agent");
  if (!parts.transport || !parts.sandbox) return fail(ErrorKind::invalid_input, "an agent needs a transport and a sandbox");
  if (!options.numeric_class.empty() && !is_valid_id(options.numeric_class))
    return fail(ErrorKind::invalid_input, "the numeric class is not an id (1 to 128 characters of [A-Za-z0-9._-])");
  return std::make_unique<DefaultAgent>(loop, std::move(credentials), std::move(parts), std::move(options));
}

}  // namespace forgepool
