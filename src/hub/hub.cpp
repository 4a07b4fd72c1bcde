#include <forgepool/hub.hpp>

#include "crypto/random.hpp"
#include "crypto/reason.hpp"
#include "crypto/x509.hpp"
#include "hub/guess_limiter.hpp"
#include "hub/organization.hpp"
#include "identity/svid.hpp"
#include "wire/messages.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool {
namespace {

using hub::Organization;

constexpr std::string_view too_many_guesses =
    "join_rate: too many join tokens from this address were wrong; wait a minute, and ask the hub's operator for a good one";

/// The ports, and whose request it is that comes in.
class DefaultHub final : public Hub, private hub::Front {
 public:
  DefaultHub(EventLoop& loop, HubIdentity identity, HubParts parts, HubOptions options)
      : loop_(loop),
        options_(std::move(options)),
        log_(parts.log ? std::move(parts.log) : make_null_log()),
        transport_(std::move(parts.transport)) {
    std::vector<OrganizationParts> all;
    all.push_back({"", std::move(identity), std::move(parts.scheduler), std::move(parts.verifier), std::move(parts.ledger)});
    std::ranges::move(parts.organizations, std::back_inserter(all));
    for (auto& one : all) {
      const std::string domain = one.identity.trust_domain;
      organizations_.push_back(std::make_unique<Organization>(
          std::move(one), Organization::Shared{loop_, options_, organizations_.empty() ? nullptr : &front(), *this, work_,
                                               parts.adapters, parts.random ? parts.random : fill_random, *log_,
                                               [this, domain](const Error& error) { ledger_failed(domain, error); }}));
    }
  }

  Status open() {
    const Time now = loop_.now();
    for (const auto& organization : organizations_) {
      auto policy = organization->witness_policy.empty() ? Result<WitnessPolicy>(WitnessPolicy())
                                                         : WitnessPolicy::parse(organization->witness_policy);
      if (!policy)
        return fail(policy.error().kind,
                    "the witness policy of " + organization->identity.trust_domain + ": " + policy.error().message);
      if (auto opened = organization->publication.open(std::move(*policy), *log_); !opened) return opened;
      if (const auto restored = organization->core.restore(*organization->ledger, now); !restored)
        return fail(restored.error().kind,
                    (organization->name.empty() ? "" : "organization " + organization->name + ": ") + restored.error().message);
    }
    for (const auto& domain : own().core.revoked_organizations())
      if (Organization* organization = find(domain)) organization->revoked = true;

    ListenOptions members;
    members.address = options_.address;
    members.port = options_.port;
    members.identity = front().tls;
    members.limits.max_requests_per_second = 2'000;
    auto check = identity::check_member(
        [this](std::string_view domain) -> Result<std::vector<identity::Issuer>> {
          const Organization* organization = find(domain);
          // One that was revoked is not told from one that never was.
          if (!organization || organization->revoked)
            return refuse(ErrorKind::unauthenticated, "svid_trust_domain", "no organization of this hub has this trust domain");
          return identity::issuers_of(organization->identity, loop_.now());
        },
        [this](const identity::Svid& svid) -> Status {
          // What an expired one is good for, is for each request to say.
          return find(svid.id.trust_domain)
              ->core.admit({svid.id.uri(), svid.pin(), svid.certificate.der, ""}, loop_.now(), options_.renewal_grace);
        },
        options_.renewal_grace);
    members.check_peer = [this, check = std::move(check)](const std::vector<Bytes>& chain, Time at) {
      auto name = check(chain, at);
      if (name) log_->write(LogLevel::debug, "peer_accepted", {{"peer", *name}});  // Refusals are the transport's to log.
      return name;
    };
    members.handler = [this](const Peer& peer, Request request, Responder respond) {
      handle(peer, std::move(request), std::move(respond));
    };
    auto listener = transport_->listen(std::move(members));
    if (!listener) return fail(listener.error());
    listener_ = std::move(*listener);

    ListenOptions newcomers;
    newcomers.address = options_.address;
    newcomers.port = options_.enrolment_port;
    newcomers.identity = front().tls;
    newcomers.limits.max_request_bytes = 64u << 10;
    newcomers.limits.max_concurrent_requests = 4;
    newcomers.limits.max_connections = 512;  // It talks to anybody, and nobody stays long.
    newcomers.limits.max_connections_per_address = 64;
    newcomers.limits.idle_timeout = std::chrono::seconds(10);
    newcomers.limits.request_timeout = std::chrono::seconds(10);
    newcomers.limits.max_requests_per_second = 50;
    newcomers.handler = [this](const Peer& peer, Request request, Responder respond) {
      if (!guesses_.may_try(peer.address, loop_.steady())) {
        log_->write(LogLevel::warning, "request_refused",
                    {{"peer", peer.address},
                     {"action", std::string(to_string(hub::Action::enrol))},
                     {"reason", std::string(too_many_guesses)}});
        return respond(
            {503, "application/octet-stream", wire::encode_failure({ErrorKind::unavailable, std::string(too_many_guesses)})});
      }
      enrol(peer, std::move(request), [this, address = peer.address, respond = std::move(respond)](Response response) {
        if (response.status == 403) guesses_.failed(address, loop_.steady());
        respond(std::move(response));
      });
    };
    auto enrolment = transport_->listen(std::move(newcomers));
    if (!enrolment) return fail(enrolment.error());
    enrolment_listener_ = std::move(*enrolment);
    for (const auto& organization : organizations_) organization->endpoints.settle();
    return {};
  }

  std::uint16_t port() const override { return listener_->port(); }
  std::uint16_t enrolment_port() const override { return enrolment_listener_->port(); }

  void invite(const Invitation& invitation, std::function<void(Result<std::string>)> done) override {
    if (!done) done = [](const auto&) {};
    if (stopped_)
      return loop_.post(
          [done = std::move(done)] { done(fail(ErrorKind::unavailable, "the hub was stopped: it takes nobody in")); });
    auto token = own().core.invite(invitation, loop_.now());
    own().committer.after(own().core.effects().take(), [done = std::move(done), token = std::move(token)] { done(token); });
  }

  void stop(std::function<void()> done) override {
    stopped_ = true;
    if (!done) done = [] {};
    const auto left = std::make_shared<std::size_t>(organizations_.size());
    for (const auto& organization : organizations_) {
      organization->endpoints.close();
      organization->committer.at_the_end(organization->core.effects().take(), [left, done] {
        if (--*left == 0) done();
      });
    }
  }

 private:
  Organization& own() { return *organizations_.front(); }
  const HubIdentity& front() const { return organizations_.front()->identity; }

  Organization* find(std::string_view trust_domain) const {
    const auto found = std::ranges::find_if(
        organizations_, [&](const auto& organization) { return organization->identity.trust_domain == trust_domain; });
    return found == organizations_.end() ? nullptr : found->get();
  }

  void handle(const Peer& peer, Request request, Responder respond) {
    const hub::Caller caller = hub::caller_of(peer, front().trust_domain);
    Organization* organization = find(caller.organization);
    if (!organization || organization->revoked) return turn_away(std::move(respond), peer);
    organization->endpoints.handle(caller, peer, std::move(request), std::move(respond));
  }

  /// The secret of a join token says whose newcomer it is. What nobody knows is refused by the hub's own organization.
  void enrol(const Peer& peer, Request request, Responder respond) {
    Organization* whose = &own();
    if (const auto message = wire::decode<wire::fb::EnrollT>(request.body))
      for (const auto& organization : organizations_)
        if (!organization->revoked && organization->core.knows_invitation(message->secret)) whose = organization.get();
    whose->endpoints.handle_enrolment(peer, std::move(request), std::move(respond));
  }

  void turn_away(Responder respond, const Peer& peer) {
    const Error error{ErrorKind::denied, "this hub does not know you"};
    log_->write(
        LogLevel::warning, "request_refused",
        {{"peer", peer.name}, {"address", peer.address}, {"reason", "organization_revoked: its organization was revoked"}});
    respond({wire::status_of(error.kind), "application/octet-stream", wire::encode_failure(error)});
  }

  // hub::Front

  void disconnect(const std::function<bool(const Peer&)>& whose) override {
    if (listener_) listener_->disconnect(whose);
  }

  Status key_changed(std::string_view trust_domain, KeyPurpose purpose) override {
    if (purpose == KeyPurpose::log) {
      const Organization& organization = *find(trust_domain);
      std::vector<std::shared_ptr<Signer>> earlier;
      for (const auto& key : organization.identity.earlier_log_keys)
        if (key.key && loop_.now() < key.until) earlier.push_back(key.key);
      return organization.ledger->use_keys(organization.identity.log_key, std::move(earlier));
    }
    // The keys of other organizations' hub certificates sign verdicts; only our own are shown.
    if (purpose != KeyPurpose::hub || trust_domain != front().trust_domain) return {};
    if (auto shown = listener_->set_identity(front().tls); !shown) return shown;
    return enrolment_listener_->set_identity(front().tls);
  }

  std::vector<OrganizationSummary> organizations() const override {
    std::vector<OrganizationSummary> summaries;
    for (const auto& organization : organizations_)
      summaries.push_back({organization->name, organization->identity.trust_domain,
                           organization->revoked ? "revoked" : "active", organization->core.agent_count(),
                           organization->core.running_jobs()});
    return summaries;
  }

  Result<std::uint32_t> revoke_organization(const std::string& name, const std::string& reason) override {
    const auto found = std::ranges::find_if(
        organizations_, [&](const auto& organization) { return !name.empty() && organization->name == name; });
    if (found == organizations_.end())
      return fail(ErrorKind::not_found, "this hub has no organization of that name; `forgepool org list` lists them");
    Organization& organization = **found;
    const std::string domain = organization.identity.trust_domain;
    if (const auto recorded = own().core.record_organization_revoked(domain, reason, loop_.now()); !recorded)
      return fail(recorded.error());
    organization.revoked = true;
    const auto ended = organization.core.stand_still(loop_.now());
    organization.endpoints.turn_out(
        [prefix = "spiffe://" + domain + "/"](const Peer& peer) { return peer.name.starts_with(prefix); });
    organization.endpoints.settle();
    return ended;
  }

  void ledger_failed(const std::string& domain, const Error& error) {
    log_->write(LogLevel::error, "ledger_failed", {{"ledger", domain}, {"reason", error.message}});
    if (options_.on_fatal) options_.on_fatal(error);
  }

  EventLoop& loop_;
  const HubOptions options_;
  const std::shared_ptr<LogSink> log_;
  const std::unique_ptr<Transport> transport_;
  std::vector<std::unique_ptr<Organization>> organizations_;  ///< The hub's own first. Few, and not changed after construction.
  hub::GuessLimiter guesses_;
  bool stopped_ = false;
  // Last: no request may come once the rest is being destroyed,
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Listener> enrolment_listener_;
  // and no work begin when the listeners let go of answers.
  hub::PeerWork work_{loop_};
};

/// A log under another name or key would take everything, and no bundle of it would ever verify.
Status check_ledger(const HubIdentity& identity, const Ledger& ledger) {
  if (ledger.origin() != identity.trust_domain)
    return fail(ErrorKind::invalid_input, "the ledger is the log of \"" + ledger.origin() + "\", the identity is that of \"" +
                                              identity.trust_domain + "\": open the ledger with the identity's trust_domain");
  if (ledger.key() != identity.log_key->public_key())
    return fail(ErrorKind::invalid_input, "the ledger of " + identity.trust_domain +
                                              " signs with another key than the identity's log_key: open it with that one");
  return {};
}

Status check_parts(const HubIdentity& identity, const HubParts& parts) {
  const auto missing = [](const char* what) { return fail(ErrorKind::invalid_input, std::string("a hub needs a ") + what); };
  const auto complete = [](const HubIdentity& one) {
    return one.ca_key && one.tls.key && one.token_key && one.log_key && !one.tls.certificate_chain.empty();
  };
  if (!parts.transport) return missing("transport");
  if (!parts.scheduler) return missing("scheduler");
  if (!parts.verifier) return missing("verifier");
  if (!parts.ledger) return missing("ledger");
  if (!complete(identity)) return missing("complete identity");
  if (const auto fits = check_ledger(identity, *parts.ledger); !fits) return fits;
  for (std::size_t i = 0; i < parts.adapters.size(); ++i) {
    if (!parts.adapters[i]) return fail(ErrorKind::invalid_input, fmt::format("adapters[{}] is null", i));
    const AdapterPackage& one = *parts.adapters[i];
    for (std::size_t k = 0; k < i; ++k)
      if (const AdapterPackage& other = *parts.adapters[k];
          other.name() == one.name() && other.version() == one.version() && other.digest() != one.digest())
        return fail(ErrorKind::invalid_input,
                    fmt::format("there are two adapter packages {}@{}, {} and {}: contracts could not say which", one.name(),
                                one.version(), other.digest().str(), one.digest().str()));
  }
  std::vector<std::string> names, domains{identity.trust_domain};
  for (const auto& one : parts.organizations) {
    const auto unusable = [&](const std::string& why) {
      return fail(ErrorKind::invalid_input, "organization \"" + one.name + "\": " + why);
    };
    if (!is_valid_id(one.name)) return unusable("expected an id ([A-Za-z0-9._-]) as name");
    if (!one.scheduler || !one.verifier || !one.ledger || !complete(one.identity))
      return unusable("needs a scheduler, a verifier, a ledger and a complete identity of its own");
    if (const auto fits = check_ledger(one.identity, *one.ledger); !fits) return unusable(fits.error().message);
    if (std::ranges::find(names, one.name) != names.end()) return unusable("there are two of this name");
    if (std::ranges::find(domains, one.identity.trust_domain) != domains.end())
      return unusable("its trust domain is another organization's, too");
    names.push_back(one.name);
    domains.push_back(one.identity.trust_domain);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Hub>> open_hub(EventLoop& loop, HubIdentity identity, HubParts parts, HubOptions options) {
  if (const auto complete = check_parts(identity, parts); !complete) return fail(complete.error());
  if (const auto sound = check_deployment(options.deployment, options.address, options.region, 1 + parts.organizations.size());
      !sound)
    return fail(sound.error());
  if (options.max_shards_per_lease == 0)
    return fail(ErrorKind::invalid_input, "max_shards_per_lease: expected 1 or more, with 0 nothing could be leased");
  auto hub = std::make_unique<DefaultHub>(loop, std::move(identity), std::move(parts), std::move(options));
  if (const auto opened = hub->open(); !opened) return fail(opened.error());
  return hub;
}

}  // namespace forgepool
