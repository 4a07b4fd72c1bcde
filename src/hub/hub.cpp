#include <forgepool/hub.hpp>

#include "crypto/random.hpp"
#include "crypto/x509.hpp"
#include "hub/endpoints.hpp"
#include "hub/guess_limiter.hpp"
#include "identity/svid.hpp"

namespace forgepool {
namespace {

constexpr std::string_view too_many_guesses =
    "join_rate: too many join tokens from this address were wrong; wait a minute, and ask the hub's operator for a good one";

class DefaultHub final : public Hub {
 public:
  DefaultHub(EventLoop& loop, HubIdentity identity, HubParts parts, HubOptions options)
      : loop_(loop),
        identity_(std::move(identity)),
        options_(std::move(options)),
        log_(parts.log ? std::move(parts.log) : make_null_log()),
        ledger_(std::move(parts.ledger)),
        scheduler_(std::move(parts.scheduler)),
        verifier_(std::move(parts.verifier)),
        transport_(std::move(parts.transport)),
        core_({identity_, options_, *scheduler_, *verifier_, std::move(parts.adapters),
               parts.random ? std::move(parts.random) : hub::RandomSource(fill_random), *log_},
              ledger_->head().size),
        committer_(loop, ledger_,
                   [this](const Error& error) {
                     log_->write(LogLevel::error, "ledger_failed", {{"reason", error.message}});
                     if (options_.on_fatal) options_.on_fatal(error);
                   }),
        publication_(loop, ledger_),
        endpoints_(loop, core_, committer_, ledger_, identity_, publication_, *log_) {}

  Status open() {
    const auto ca = parse_certificate(identity_.ca_certificate);
    if (!ca) return fail(ca.error());
    auto policy = options_.witness_policy.empty() ? Result<WitnessPolicy>(WitnessPolicy())
                                                  : WitnessPolicy::parse(options_.witness_policy);
    if (!policy) return fail(policy.error());
    if (auto opened = publication_.open(std::move(*policy)); !opened) return opened;
    if (const auto restored = core_.restore(*ledger_, loop_.now()); !restored) return restored;

    ListenOptions members;
    members.address = options_.address;
    members.port = options_.port;
    members.identity = identity_.tls;
    members.limits.max_requests_per_second = 2'000;
    members.check_peer = [this, check = identity::check_member(*ca, identity_.trust_domain, [](const Digest&) { return false; })](
                             const std::vector<Bytes>& chain, Time now) {
      auto name = check(chain, now);
      if (name) log_->write(LogLevel::debug, "peer_accepted", {{"peer", *name}});  // Refusals are the transport's to log.
      return name;
    };
    members.handler = [this](const Peer& peer, Request request, Responder respond) {
      endpoints_.handle(peer, std::move(request), std::move(respond));
    };
    auto listener = transport_->listen(std::move(members));
    if (!listener) return fail(listener.error());
    listener_ = std::move(*listener);

    ListenOptions newcomers;
    newcomers.address = options_.address;
    newcomers.port = options_.enrolment_port;
    newcomers.identity = identity_.tls;
    newcomers.limits.max_request_bytes = 64u << 10;
    newcomers.limits.max_concurrent_requests = 4;
    newcomers.limits.max_connections = 512;  // It talks to anybody, and nobody stays long.
    newcomers.limits.max_connections_per_address = 64;
    newcomers.limits.idle_timeout = std::chrono::seconds(10);
    newcomers.limits.request_timeout = std::chrono::seconds(10);
    newcomers.limits.max_requests_per_second = 50;
    newcomers.handler = [this](const Peer& peer, Request request, Responder respond) {
      if (!guesses_.may_try(peer.address, loop_.now())) {
        log_->write(LogLevel::warning, "request_refused", {{"peer", peer.address}, {"reason", std::string(too_many_guesses)}});
        return respond({503, "application/octet-stream", wire::encode_failure({ErrorKind::unavailable, std::string(too_many_guesses)})});
      }
      endpoints_.handle_enrolment(peer, std::move(request), [this, address = peer.address, respond = std::move(respond)](Response response) {
        if (response.status == 403) guesses_.failed(address, loop_.now());
        respond(std::move(response));
      });
    };
    auto enrolment = transport_->listen(std::move(newcomers));
    if (!enrolment) return fail(enrolment.error());
    enrolment_listener_ = std::move(*enrolment);
    endpoints_.settle();
    return {};
  }

  std::uint16_t port() const override { return listener_->port(); }
  std::uint16_t enrolment_port() const override { return enrolment_listener_->port(); }

  void invite(const Invitation& invitation, std::function<void(Result<std::string>)> done) override {
    auto token = core_.invite(invitation, loop_.now());
    committer_.after(core_.effects().take(), [done = std::move(done), token = std::move(token)] { done(token); });
  }

  void stop(std::function<void()> done) override {
    endpoints_.close();
    committer_.after(core_.effects().take(), std::move(done));
  }

 private:
  EventLoop& loop_;
  const HubIdentity identity_;
  const HubOptions options_;
  const std::shared_ptr<LogSink> log_;
  // Shared with pool threads: a commit or a bundle under way may outlive the hub.
  const std::shared_ptr<Ledger> ledger_;
  const std::unique_ptr<Scheduler> scheduler_;
  const std::unique_ptr<Verifier> verifier_;
  const std::unique_ptr<Transport> transport_;
  hub::HubCore core_;
  hub::Committer committer_;
  hub::LogPublication publication_;
  hub::Endpoints endpoints_;
  hub::GuessLimiter guesses_;
  // Last: no request may come once the rest is being destroyed.
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Listener> enrolment_listener_;
};

Status check_parts(const HubIdentity& identity, const HubParts& parts) {
  const auto missing = [](const char* what) { return fail(ErrorKind::invalid_input, std::string("a hub needs a ") + what); };
  if (!parts.transport) return missing("transport");
  if (!parts.scheduler) return missing("scheduler");
  if (!parts.verifier) return missing("verifier");
  if (!parts.ledger) return missing("ledger");
  if (!identity.ca_key || !identity.tls.key || !identity.token_key || identity.tls.certificate_chain.empty())
    return missing("complete identity");
  return {};
}

}  // namespace

Result<std::unique_ptr<Hub>> open_hub(EventLoop& loop, HubIdentity identity, HubParts parts, HubOptions options) {
  if (const auto complete = check_parts(identity, parts); !complete) return fail(complete.error());
  auto hub = std::make_unique<DefaultHub>(loop, std::move(identity), std::move(parts), std::move(options));
  if (const auto opened = hub->open(); !opened) return fail(opened.error());
  return hub;
}

}  // namespace forgepool
