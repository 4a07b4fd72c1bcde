/// Inputs and jobs: the endpoints of those who submit.
#include "hub/bundle_builder.hpp"
#include "hub/endpoints.hpp"
#include "hub/responses.hpp"
#include "hub/routes.hpp"
#include "wire/job_messages.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace forgepool::hub {
namespace {

/// Whether result or bundle of a job that is done can still be had: neither after its results were deleted, but for evidence
/// that does without them.
Status still_there(const Job& job, bool bundle) {
  const bool needed = !bundle || !job.contract.artifacts.include.empty() || !job.adapter->compares_exactly(job.contract);
  if (!job.results_deleted || !needed) return {};
  return fail(ErrorKind::not_found, "erased: the result and the outputs of this job were deleted when their retention ended");
}

}  // namespace

void Endpoints::submit(const Caller& caller, const Peer& peer, const Request& request, const Ticket& ticket,
                       Responder respond) {
  if (closed_) return decline(peer, request, {ErrorKind::unavailable, "the hub is shutting down"}, std::move(respond));
  const auto status = core_.submit(as_text(request.body), caller, ticket, loop_.now());
  if (!status) return decline(peer, request, status.error(), std::move(respond));
  auto told = wire::to_wire(*status);
  // For following what was just begun.
  if (auto token = core_.job_token(caller, peer, status->id, loop_.now())) {
    told.token = std::move(*token);
    told.token_life_ms = core_.token_life_ms();
  }
  answer(std::move(respond), ok(wire::encode(told)));
}

void Endpoints::forecast(const Caller& caller, const Peer& peer, const Request& request, Responder respond) {
  const auto forecast = core_.forecast(as_text(request.body), caller, loop_.now());
  if (!forecast) return decline(peer, request, forecast.error(), std::move(respond));
  answer(std::move(respond), ok(wire::encode(wire::to_wire(*forecast))));
}

void Endpoints::cancel(const Caller& caller, const Peer& peer, const Request& request, std::string_view text,
                       const Ticket& ticket, Responder respond) {
  const auto id = JobId::parse(text);
  if (!id) return decline(peer, request, id.error(), std::move(respond));
  const auto status = core_.cancel(*id, caller, ticket, loop_.now());
  if (!status) return decline(peer, request, status.error(), std::move(respond));
  answer(std::move(respond), ok(wire::encode(wire::to_wire(*status))));
}

void Endpoints::hold(const Caller& caller, const Peer& peer, const Request& request, std::string_view text,
                     const Ticket& ticket, Responder respond) {
  const auto id = JobId::parse(text);
  if (!id) return decline(peer, request, id.error(), std::move(respond));
  const auto message = wire::decode<wire::fb::HoldT>(request.body);
  if (!message) return decline(peer, request, message.error(), std::move(respond));
  const auto status = core_.hold(*id, message->held, caller, ticket, loop_.now());
  if (!status) return decline(peer, request, status.error(), std::move(respond));
  answer(std::move(respond), ok(wire::encode(wire::to_wire(*status))));
}

void Endpoints::erase(const Caller& caller, const Peer& peer, const Request& request, std::string_view text,
                      const Ticket& ticket, Responder respond) {
  const auto id = JobId::parse(text);
  if (!id) return decline(peer, request, id.error(), std::move(respond));
  if (const auto allowed = core_.may_erase(*id, caller, ticket, loop_.now()); !allowed)
    return decline(peer, request, allowed.error(), std::move(respond));
  auto respond_shared = std::make_shared<Responder>(std::move(respond));
  disposal_.erase(peer, *id,
                  [respond_shared](const Status& erased) { (*respond_shared)(erased ? nothing() : failure(erased.error())); });
}

void Endpoints::upload(const Caller& caller, const Peer& peer, const Request& request, std::string_view text,
                       const Ticket& ticket, Responder respond) {
  const auto digest = Digest::parse(text);
  if (!digest) return decline(peer, request, digest.error(), std::move(respond));
  const auto stored = core_.upload(*digest, request.body, caller, ticket, loop_.now());
  if (!stored) return decline(peer, request, stored.error(), std::move(respond));
  answer(std::move(respond), nothing());
}

void Endpoints::list_jobs(const Caller& caller, Responder respond) {
  wire::fb::JobListT list;
  for (const auto& status : core_.list(caller, loop_.now()))
    list.jobs.push_back(std::make_unique<wire::fb::JobStatusT>(wire::to_wire(status)));
  answer(std::move(respond), ok(wire::encode(list)));
}

void Endpoints::read_job(const Caller& caller, const Peer& peer, std::string_view rest, const Request& request,
                         Responder respond) {
  const Time now = loop_.now();
  const auto slash = std::min(rest.find('/'), rest.size());
  const auto id = JobId::parse(rest.substr(0, slash));
  if (!id) return refuse(peer, request, id.error(), std::move(respond));
  const auto part = rest.substr(slash);
  const auto job = core_.find_for(*id, caller);
  if (!job) return decline(peer, request, job.error(), std::move(respond));
  if (part.empty()) {
    const auto query = split_query(request.path).second;
    const auto seen = query_number(query, "seen", 0);
    const auto longest = bounded_wait(query_number(query, "wait_ms", 0));
    if ((*job)->version > seen || longest <= Duration::zero())
      return answer(std::move(respond), ok(wire::encode(wire::to_wire(*core_.status(*id, caller, now)))));
    return wait(WaitingClient{*id, caller, peer, seen, std::move(respond)}, loop_.steady() + longest);
  }
  if (part == "/explain") return answer(std::move(respond), ok(wire::encode(wire::to_wire(*core_.explain(*id, caller, now)))));
  if (part != "/result" && part != "/bundle")
    return decline(peer, request, {ErrorKind::not_found, "a job has: result, bundle, explain"}, std::move(respond));

  if ((*job)->state == JobState::running)
    return decline(peer, request, {ErrorKind::unavailable, "the job is still running; wait for it"}, std::move(respond));
  if ((*job)->state != JobState::done)
    return decline(
        peer, request,
        {ErrorKind::not_found, fmt::format("the job {} and has no result: {}",
                                           (*job)->state == JobState::failed ? "failed" : "was cancelled", (*job)->failure)},
        std::move(respond));

  // What is read next must be in the ledger: after the commit of everything so far. Then off the loop, for a bundle may be
  // large.
  auto respond_shared = std::make_shared<Responder>(std::move(respond));
  const bool bundle = part == "/bundle";
  if (const auto there = still_there(**job, bundle); !there)
    return decline(peer, request, there.error(), std::move(*respond_shared));
  auto facts = BundleFacts{(*job)->id,
                           (*job)->contract,
                           (*job)->adapter,
                           (*job)->key,
                           !(*job)->results_deleted && (*job)->keeps_outputs(),
                           bundle ? make_trusted_root(identity_) : "",
                           {}};
  if (bundle) {
    auto checkpoint = publication_.for_bundle();
    if (!checkpoint) return decline(peer, request, checkpoint.error(), std::move(*respond_shared));
    facts.checkpoint = std::move(*checkpoint);
  }
  committer_.after(core_.effects().take(), [this, peer, bundle, respond_shared, facts = std::move(facts)] {
    work_.answer(peer, std::move(*respond_shared), [bundle, facts, ledger = ledger_, key = identity_.tls.key] {
      const auto document = bundle ? build_bundle(*ledger, facts, *key) : read_result(*ledger, facts);
      return document ? json_answer(*document) : failure(document.error());
    });
  });
}

}  // namespace forgepool::hub
