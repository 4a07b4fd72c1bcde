#include <forgepool/agent.hpp>

#include "agent/lease_run.hpp"
#include "identity/enrolment.hpp"
#include "identity/svid.hpp"

#include <algorithm>
#include <optional>

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
                  std::make_shared<agent::Slots>(options_.slots),
                  std::move(parts.sandbox),
                  options_.numeric_class,
                  options_.granted,
                  credentials_,
                  *log_,
                  options_.on_promise} {
    // A lease may be of one shard, however many were asked for: so many, at least, keep all slots busy.
    runs_.resize(std::max({1u, options_.concurrent_leases, options_.slots + 1}));
    retries_.resize(runs_.size());
    take_certificate();
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
    drained_ = done ? std::move(done) : [] {};
    draining_ = true;
    check_drained();
  }

 private:
  void ask_later(std::size_t worker, Duration delay) {
    retries_[worker] = loop_.after(delay, [this, worker] { ask(worker); });
  }

  void ask(std::size_t worker) {
    if (draining_ || !statistics_.refused.empty()) return;
    // With a certificate that ran out there is nothing to do but to have it renewed.
    if (has_expired()) return ask_later(worker, options_.reconnect_delay);
    wire::fb::LeaseAskT message;
    message.max_shards = options_.max_shards_per_lease;
    message.wait_ms = ask_wait_ms;
    message.clock_ms = loop_.now().time_since_epoch() / std::chrono::milliseconds(1);
    message.numeric_class = options_.numeric_class;
    const auto ability = ability_of(*workshop_.sandbox, options_.granted);
    message.sandbox_level = to_string(ability.level);
    message.determinism = to_string(ability.determinism);
    if (ability.determinism == Determinism::strict) message.world = world_name(ability.world);
    for (const auto relaxation : options_.granted.relaxations()) message.relaxations.emplace_back(to_string(relaxation));
    Request request;
    request.method = "POST";
    request.path = "/v1/agent/lease";
    request.body = wire::encode(message);
    link_.send(std::move(request), [this, worker](Result<Response> response) { answered(worker, std::move(response)); });
  }

  void answered(std::size_t worker, Result<Response> response) {
    if (!response) {
      if (says_expired(response.error()))
        renew();
      else if (is_refusal(response.error()) && !dislikes_hub_dates(response.error()))
        return refuse(response.error());
      note_trouble(response.error());
      return ask_later(worker, std::max(link_.pause(), back_off(++failed_asks_)));
    }
    failed_asks_ = 0;
    trouble_.clear();
    if (!certificate_trouble_) statistics_.unhealthy.clear();
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
    // After a lost lease not at once, and after several ever later: whatever was wrong may be wrong still.
    lost_leases_ = outcome.acknowledged ? 0 : lost_leases_ + 1;
    ask_later(worker, back_off(lost_leases_));
  }

  /// After so many failures in a row.
  Duration back_off(unsigned failures) const {
    if (failures == 0) return Duration::zero();
    return options_.reconnect_delay * (1u << std::min(failures - 1, 6u));
  }

  static bool is_refusal(const Error& error) {
    return error.kind == ErrorKind::denied || error.kind == ErrorKind::unauthenticated;
  }
  /// We refuse the hub, for the dates of its certificate. They are rarely wrong, and a clock may be set right.
  static bool dislikes_hub_dates(const Error& error) {
    return error.message.starts_with("refused the peer at") && error.message.find(": certificate_") != std::string::npos;
  }
  /// The hub refuses us, for the dates of our certificate: an answer to a request, or the end of a handshake.
  static bool says_expired(const Error& error) {
    return error.kind == ErrorKind::unauthenticated &&
           (error.message.starts_with("certificate_expired") ||
            error.message.find("TLS alert: certificate expired") != std::string::npos);
  }

  /// Said once, until it is over or something else.
  void note_trouble(const Error& error) {
    if (error.kind == ErrorKind::unavailable && !link_.connected()) return;  // The link says so.
    if (certificate_trouble_) return;
    statistics_.unhealthy = error.message;
    const bool clock = error.message.starts_with("agent_clock: ") || dislikes_hub_dates(error);
    // What is wrong with a clock is told with the time, so never the same way.
    if (std::string trouble = clock ? "clock" : error.message; std::exchange(trouble_, trouble) != trouble)
      log_->write(LogLevel::warning, clock ? "clock_wrong" : "no_lease", {{"reason", error.message}});
  }

  // --- the certificate

  /// An agent that slept through the life of its certificate, and the grace after it.
  Error expired(const Error& said) const {
    return {ErrorKind::unauthenticated,
            "the certificate of " + credentials_.name + " expired at " + to_rfc3339(statistics_.certificate_expires_at) +
                ", by this machine's clock it is " + to_rfc3339(loop_.now()) + ", and the hub does not renew it any more (" +
                said.message +
                "). If the clock is right, ask the hub's operator for a join token (forgepool hub invite), and enrol again "
                "(forgepool agent enroll --join TOKEN --output NEW_DIRECTORY)"};
  }

  /// By the clock on the wall, unless we know better: the life of one that the hub gave us just now has begun just now.
  bool has_expired() const {
    return renewed_at_ ? loop_.steady() - *renewed_at_ >= life_ : loop_.now() >= statistics_.certificate_expires_at;
  }

  void take_certificate() {
    const auto life = certificate_life(credentials_);
    if (!life) return refuse(life.error());
    statistics_.certificate_expires_at = life->expires_at;
    // The hub dates a certificate back; its life as we count it begins when it was issued.
    const Time issued_at = life->not_before + identity::SvidOptions{}.backdate;
    life_ = life->expires_at - issued_at;
    renew_after_ = life->renew_at - issued_at;
    renew_at_ = life->renew_at;
    watch_certificate();
  }

  /// Looks every now and then: the clock on the wall may be set.
  void watch_certificate() {
    const Duration left = renewed_at_ ? *renewed_at_ + renew_after_ - loop_.steady() : renew_at_ - loop_.now();
    if (left <= Duration::zero()) return renew_in(Duration::zero());
    renewal_ = loop_.after(std::min<Duration>(left, std::chrono::minutes(1)), [this] { watch_certificate(); });
  }

  void renew_in(Duration delay) {
    renewal_ = loop_.after(delay, [this] { renew(); });
  }

  void renew() {
    if (!statistics_.refused.empty() || std::exchange(renewing_, true)) return;
    auto request = make_certificate_request(*credentials_.identity.key);
    if (!request) return renewal_failed(request.error());
    wire::fb::RenewT message;
    message.certificate_request = std::move(*request);
    Request ask;
    ask.method = "POST";
    ask.path = "/v1/renew";
    ask.body = wire::encode(message);
    link_.send(std::move(ask), [this](Result<Response> response) {
      renewing_ = false;
      if (!response) return renewal_failed(response.error());
      const auto enrolled = wire::decode<wire::fb::EnrolledT>(response->body);
      if (!enrolled) return renewal_failed(enrolled.error());
      auto renewed = identity::accept_enrolment(*enrolled, credentials_.identity.key, credentials_.hub_pins);
      if (!renewed) return renewal_failed(renewed.error());
      if (renewed->name != credentials_.name)
        return renewal_failed({ErrorKind::corrupt, "the hub sent a certificate for somebody else"});
      credentials_ = std::move(*renewed);
      renewed_at_ = loop_.steady();
      failed_renewals_ = 0;
      certificate_trouble_ = false;
      statistics_.unhealthy.clear();
      log_->write(LogLevel::info, "certificate_renewed", {{"agent", credentials_.name}});
      if (options_.on_renewed)
        if (const auto kept = options_.on_renewed(credentials_); !kept)
          log_->write(LogLevel::error, "credentials_not_kept", {{"reason", kept.error().message}});
      link_.renew();
      take_certificate();
    });
  }

  void renewal_failed(const Error& error) {
    renewing_ = false;
    const bool over = has_expired() || says_expired(error);
    if (over && is_refusal(error) && !dislikes_hub_dates(error)) return refuse(expired(error));
    certificate_trouble_ = true;
    statistics_.unhealthy = "the certificate, which " + std::string(over ? "expired" : "expires") + " at " +
                            to_rfc3339(statistics_.certificate_expires_at) + ", could not be renewed: " + error.message;
    log_->write(LogLevel::warning, "renewal_failed", {{"reason", error.message}});
    // Again and again, ever more often up to the last moment; after it ever more rarely.
    const Duration left =
        renewed_at_ ? *renewed_at_ + life_ - loop_.steady() : statistics_.certificate_expires_at - loop_.now();
    renew_in(over ? std::max(link_.pause(), back_off(++failed_renewals_))
                  : std::clamp<Duration>(left / 8, options_.reconnect_delay, std::chrono::minutes(5)));
  }

  void refuse(const Error& error) {
    if (!statistics_.refused.empty()) return;
    statistics_.refused = error.message;
    log_->write(LogLevel::error, error.message.starts_with("refused the peer") ? "hub_refused" : "refused_by_hub",
                {{"reason", error.message}});
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
  Time renew_at_{};                 ///< By the clock on the wall.
  std::optional<Time> renewed_at_;  ///< By the steady one; nothing for a certificate that we began with.
  Duration life_{}, renew_after_{};
  unsigned failed_asks_ = 0, lost_leases_ = 0, failed_renewals_ = 0;  ///< In a row.
  std::string trouble_;                                               ///< Why there was no lease, as it stands in the log.
  bool renewing_ = false, certificate_trouble_ = false;
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
  if (options.slots == 0 || options.max_shards_per_lease == 0 || options.concurrent_leases == 0)
    return fail(ErrorKind::invalid_input,
                "slots, max_shards_per_lease and concurrent_leases: expected 1 or more, an agent of none does nothing");
  if (!options.numeric_class.empty() && !is_valid_id(options.numeric_class))
    return fail(ErrorKind::invalid_input, "the numeric class is not an id (1 to 128 characters of [A-Za-z0-9._-])");
  return std::make_unique<DefaultAgent>(loop, std::move(credentials), std::move(parts), std::move(options));
}

}  // namespace forgepool
