/// The published log, and what witnesses sign.
#include "hub/endpoints.hpp"
#include "hub/responses.hpp"
#include "hub/routes.hpp"

namespace forgepool::hub {

void Endpoints::read_log(const Peer& peer, const Request& request, std::string_view path, Responder respond) {
  if (path != "/checkpoint" && path != "/v1/log/offer") {
    // To a reader of static files, a path that is none is one that is not there.
    if (const auto sound = parse_log_path(path.substr(1)); !sound)
      return decline(peer, request, {ErrorKind::not_found, sound.error().message}, std::move(respond));
    return work_.answer(peer, std::move(respond), [ledger = ledger_, path = std::string(path.substr(1))] {
      auto content = read_log_resource(*ledger, path);
      return content ? ok(std::move(*content)) : failure(content.error());
    });
  }
  auto respond_shared = std::make_shared<Responder>(std::move(respond));
  const auto done = [respond_shared](Result<std::string> note) {
    (*respond_shared)(note ? ok(to_bytes(*note), "text/plain; charset=utf-8") : failure(note.error()));
  };
  if (path == "/checkpoint") return publication_.checkpoint(done);
  publication_.offer(query_number(split_query(request.path).second, "old", 0),
                     [this, peer, respond_shared](Result<LogPublication::Proof> proof) {
                       if (!proof) return (*respond_shared)(failure(proof.error()));
                       work_.answer(peer, std::move(*respond_shared), [make = std::move(*proof)] {
                         const auto note = make();
                         return note ? ok(to_bytes(*note), "text/plain; charset=utf-8") : failure(note.error());
                       });
                     });
}

void Endpoints::cosign(const Peer& peer, const Request& request, Responder respond) {
  auto respond_shared = std::make_shared<Responder>(std::move(respond));
  publication_.take(as_text(request.body), [this, respond_shared, peer,
                                            asked = Request{request.method, request.path, {}, {}}](Result<std::string> taken) {
    const bool news = taken && *taken != "nothing new" && *taken != "this log asks for no witnesses";
    log_.write(news    ? LogLevel::info
               : taken ? LogLevel::debug
                       : LogLevel::warning,
               "checkpoint_cosigned", {{"witness", peer.name}, {"outcome", taken ? *taken : taken.error().message}});
    if (!taken) note_refusal(peer, asked, coded(taken.error()));
    (*respond_shared)(taken ? nothing() : failure(taken.error()));
  });
}

}  // namespace forgepool::hub
