#include <forgepool/client.hpp>

#include "client/session.hpp"
#include "identity/enrolment.hpp"
#include "identity/svid.hpp"
#include "wire/job_messages.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool {
namespace {

constexpr Duration follow_wait = std::chrono::seconds(20);
constexpr Duration first_pause = std::chrono::milliseconds(200);
constexpr Duration longest_pause = std::chrono::seconds(5);

class DefaultClient final : public Client {
 public:
  DefaultClient(EventLoop& loop, Credentials credentials, std::unique_ptr<Transport> transport, ClientOptions options)
      : loop_(loop), session_(loop, std::move(credentials), std::move(transport), std::move(options)) {}

  ~DefaultClient() override { *alive_ = false; }

  void upload(Bytes content, Callback<Digest> done) override {
    const Digest digest = sha256(content);
    send("PUT", "/v1/blobs/" + digest.hex(), std::move(content),
         [digest, done = some(std::move(done))](Result<Response> response) {
           if (!response) return done(fail(response.error()));
           done(digest);
         });
  }

  void submit(std::string contract, Callback<JobStatus> done) override {
    send("POST", "/v1/jobs", to_bytes(contract), [this, done = as_status(std::move(done))](Result<Response> response) {
      if (response)
        if (auto begun = wire::decode<wire::fb::JobStatusT>(response->body))
          session_.keep_job_token(begun->job, std::move(begun->token), begun->token_life_ms);
      done(std::move(response));
    });
  }

  void status(const JobId& job, std::uint64_t seen, Duration wait, Callback<JobStatus> done) override {
    const auto wait_ms = wait / std::chrono::milliseconds(1);
    send("GET", fmt::format("/v1/jobs/{}?seen={}&wait_ms={}", job.str(), seen, std::max<std::int64_t>(0, wait_ms)), {},
         as_status(std::move(done)));
  }

  void wait(const JobId& job, std::function<void(const JobStatus&)> progress, Callback<JobStatus> done) override {
    follow(std::make_shared<Following>(Following{job, std::move(progress), some(std::move(done)), 0, first_pause, nullptr}));
  }

  void result(const JobId& job, Callback<std::string> done) override {
    send("GET", "/v1/jobs/" + job.str() + "/result", {}, as_text_body(std::move(done)));
  }
  void bundle(const JobId& job, Callback<std::string> done) override {
    send("GET", "/v1/jobs/" + job.str() + "/bundle", {}, as_text_body(std::move(done)));
  }

  void explain(const JobId& job, Callback<JobExplanation> done) override {
    send("GET", "/v1/jobs/" + job.str() + "/explain", {},
         decoded<wire::fb::ExplanationT, JobExplanation>(std::move(done), [](const auto& m) { return wire::from_wire(m); }));
  }

  void jobs(Callback<std::vector<JobStatus>> done) override {
    send("GET", "/v1/jobs", {},
         decoded<wire::fb::JobListT, std::vector<JobStatus>>(std::move(done),
                                                             [](const auto& list) -> Result<std::vector<JobStatus>> {
                                                               std::vector<JobStatus> statuses;
                                                               for (const auto& message : list.jobs) {
                                                                 auto status = wire::from_wire(*message);
                                                                 if (!status) return fail(status.error());
                                                                 statuses.push_back(std::move(*status));
                                                               }
                                                               return statuses;
                                                             }));
  }

  void cancel(const JobId& job, Callback<JobStatus> done) override {
    send("POST", "/v1/jobs/" + job.str() + "/cancel", {}, as_status(std::move(done)));
  }

  void erase(const JobId& job, Callback<void> done) override {
    send("POST", "/v1/jobs/" + job.str() + "/erase", {},
         [done = some(std::move(done))](Result<Response> response) { done(response ? Status{} : fail(response.error())); });
  }
  void hold(const JobId& job, bool held, Callback<JobStatus> done) override {
    wire::fb::HoldT message;
    message.held = held;
    send("POST", "/v1/jobs/" + job.str() + "/hold", wire::encode(message), as_status(std::move(done)));
  }

  void forecast(std::string contract, Callback<JobForecast> done) override {
    send("POST", "/v1/forecasts", to_bytes(contract),
         decoded<wire::fb::ForecastT, JobForecast>(std::move(done), [](const auto& m) { return wire::from_wire(m); }));
  }

  void log(const std::string& path, Callback<Bytes> done) override {
    send("GET", "/" + path, {}, [done = some(std::move(done))](Result<Response> response) {
      if (!response) return done(fail(response.error()));
      done(std::move(response->body));
    });
  }
  void log_offer(std::uint64_t old_size, Callback<std::string> done) override {
    send("GET", fmt::format("/v1/log/offer?old={}", old_size), {}, as_text_body(std::move(done)));
  }
  void cosign(const std::string& checkpoint, Callback<std::string> done) override {
    send("POST", "/v1/log/cosignatures", to_bytes(checkpoint), as_text_body(std::move(done)));
  }

  void invite(const Invitation& invitation, Callback<std::string> done) override {
    send("POST", "/v1/invitations", wire::encode(wire::to_wire(invitation)),
         decoded<wire::fb::InvitationT, std::string>(std::move(done),
                                                     [](const auto& m) -> Result<std::string> { return m.join_token; }));
  }

  void posture(Callback<std::string> done) override { send("GET", "/v1/posture", {}, as_text_body(std::move(done))); }

  void revoke(const std::string& kind, const std::string& id, const std::string& reason,
              Callback<std::uint32_t> done) override {
    wire::fb::RevokeT message;
    message.kind = kind;
    message.id = id;
    message.reason = reason;
    send("POST", "/v1/revocations", wire::encode(message),
         decoded<wire::fb::RevokedT, std::uint32_t>(std::move(done),
                                                    [](const auto& m) -> Result<std::uint32_t> { return m.leases; }));
  }

  void rotate_key(KeyPurpose purpose, Callback<RotatedKey> done) override {
    wire::fb::RotateKeyT message;
    message.purpose = to_string(purpose);
    send("POST", "/v1/keys", wire::encode(message),
         decoded<wire::fb::KeyRotatedT, RotatedKey>(std::move(done), [](const auto& m) -> Result<RotatedKey> {
           auto id = KeyId::parse(m.key);
           if (!id) return fail(id.error());
           return RotatedKey{*id, m.trusted_root};
         }));
  }

  void revocation_list(std::uint32_t ca_epoch, Callback<std::string> done) override {
    send("GET", fmt::format("/v1/crl?ca={}", ca_epoch), {}, [done = some(std::move(done))](Result<Response> response) {
      if (!response) return done(fail(response.error()));
      done(revocation_list_to_pem(response->body));
    });
  }

  void organizations(Callback<std::vector<OrganizationSummary>> done) override {
    send("GET", "/v1/organizations", {},
         decoded<wire::fb::OrganizationListT, std::vector<OrganizationSummary>>(
             std::move(done), [](const auto& list) -> Result<std::vector<OrganizationSummary>> {
               std::vector<OrganizationSummary> summaries;
               for (const auto& message : list.organizations) summaries.push_back(wire::from_wire(*message));
               return summaries;
             }));
  }

  void health(Callback<std::string> done) override { send("GET", "/healthz", {}, as_text_body(std::move(done))); }

  void renew(Callback<Credentials> done) override {
    auto request = make_certificate_request(*session_.credentials().identity.key);
    if (!request) {
      loop_.post([alive = alive_, done = some(std::move(done)), error = request.error()] {
        if (*alive) done(fail(error));
      });
      return;
    }
    wire::fb::RenewT message;
    message.certificate_request = std::move(*request);
    send("POST", "/v1/renew", wire::encode(message), [this, done = some(std::move(done))](Result<Response> response) {
      if (!response) return done(fail(response.error()));
      const auto enrolled = wire::decode<wire::fb::EnrolledT>(response->body);
      if (!enrolled) return done(fail(enrolled.error()));
      auto renewed =
          identity::accept_enrolment(*enrolled, session_.credentials().identity.key, session_.credentials().hub_pins);
      if (!renewed) return done(fail(renewed.error()));
      session_.set_credentials(*renewed);
      done(std::move(renewed));
    });
  }

  void agents(Callback<std::vector<AgentSummary>> done) override {
    send("GET", "/v1/agents", {},
         decoded<wire::fb::AgentListT, std::vector<AgentSummary>>(std::move(done),
                                                                  [](const auto& list) -> Result<std::vector<AgentSummary>> {
                                                                    std::vector<AgentSummary> agents;
                                                                    for (const auto& message : list.agents) {
                                                                      auto agent = wire::from_wire(*message);
                                                                      if (!agent) return fail(agent.error());
                                                                      agents.push_back(std::move(*agent));
                                                                    }
                                                                    return agents;
                                                                  }));
  }

  void drain(const AgentId& agent, bool draining, Callback<AgentSummary> done) override {
    wire::fb::DrainT message;
    message.draining = draining;
    send("POST", "/v1/agents/" + agent.str() + "/drain", wire::encode(message),
         decoded<wire::fb::AgentInfoT, AgentSummary>(std::move(done), [](const auto& m) { return wire::from_wire(m); }));
  }

  void appeal(const AgentId& agent, const Appeal& appeal, Callback<AgentSummary> done) override {
    wire::fb::AppealT message;
    message.job = appeal.job.str();
    message.shard = appeal.shard;
    message.replayed = wire::to_wire_ptr(appeal.replayed);
    send("POST", "/v1/agents/" + agent.str() + "/appeal", wire::encode(message),
         decoded<wire::fb::AgentInfoT, AgentSummary>(std::move(done), [](const auto& m) { return wire::from_wire(m); }));
  }

 private:
  struct Following {
    JobId job;
    std::function<void(const JobStatus&)> progress;
    Callback<JobStatus> done;
    std::uint64_t seen = 0;
    Duration pause = first_pause;
    std::unique_ptr<Subscription> retry;
  };

  /// Where nobody waits for the answer.
  template <class Called>
  static std::function<Called> some(std::function<Called> done) {
    return done ? std::move(done) : [](const auto&) {};
  }

  void follow(const std::shared_ptr<Following>& following) {
    status(following->job, following->seen, follow_wait, [this, following](Result<JobStatus> status) {
      if (!status && status.error().kind == ErrorKind::unavailable) {
        // The hub is away for a moment: the job is not.
        following->retry = loop_.after(following->pause, [this, alive = alive_, following] {
          if (*alive) follow(following);
        });
        following->pause = std::min(following->pause * 2, longest_pause);
        return;
      }
      if (!status) return following->done(fail(status.error()));
      following->pause = first_pause;
      // A hub that came back may count from an older version: what it says is news all the same.
      const bool news = status->version != following->seen;
      following->seen = status->version;
      if (news && following->progress) following->progress(*status);
      if (status->state != JobState::running) return following->done(std::move(status));
      follow(following);
    });
  }

  void send(std::string method, std::string path, Bytes body, client::Session::Done done) {
    session_.send({std::move(method), std::move(path), "", std::move(body)}, std::move(done));
  }

  /// Decodes a body as `Message` and makes a `T` of it.
  template <class Message, class T, class Convert>
  static std::function<void(Result<Response>)> decoded(Callback<T> done, Convert convert) {
    return [done = some(std::move(done)), convert](Result<Response> response) {
      if (!response) return done(fail(response.error()));
      const auto message = wire::decode<Message>(response->body);
      if (!message) return done(fail(message.error()));
      done(convert(*message));
    };
  }
  static std::function<void(Result<Response>)> as_status(Callback<JobStatus> done) {
    return decoded<wire::fb::JobStatusT, JobStatus>(std::move(done),
                                                    [](const auto& message) { return wire::from_wire(message); });
  }
  static std::function<void(Result<Response>)> as_text_body(Callback<std::string> done) {
    return [done = some(std::move(done))](Result<Response> response) {
      if (!response) return done(fail(response.error()));
      done(to_text(response->body));
    };
  }

  EventLoop& loop_;
  /// Callbacks under way look at this before they touch the client.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  client::Session session_;
};

}  // namespace

Result<std::unique_ptr<Client>> connect_client(EventLoop& loop, Credentials credentials, std::unique_ptr<Transport> transport,
                                               ClientOptions options) {
  if (!transport) return fail(ErrorKind::invalid_input, "a client needs a transport");
  if (const auto usable = identity::check_hub(credentials); !usable) return fail(usable.error());
  return std::make_unique<DefaultClient>(loop, std::move(credentials), std::move(transport), std::move(options));
}

}  // namespace forgepool
