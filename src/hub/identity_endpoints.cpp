/// Certificates and keys: enrolment, renewal, rotation, revocation.
#include "hub/endpoints.hpp"
#include "hub/operator_key.hpp"
#include "hub/responses.hpp"
#include "wire/job_messages.hpp"

#include <algorithm>

namespace forgepool::hub {
namespace {

constexpr std::uint64_t max_ca_epoch = 0xffffffff;  // None is so large: it is not found.

}  // namespace

void Endpoints::handle_enrolment(const Peer& peer, Request request, Responder respond) {
  look_at_clock();
  if (request.method != "POST" || request.path != "/v1/enroll")
    return refuse(peer, request, {ErrorKind::not_found, "endpoint_unknown: this port is for enrolment only: POST /v1/enroll"},
                  std::move(respond));
  if (const auto allowed = authorize({}, Action::enrol); !allowed)
    return refuse(peer, request, allowed.error(), std::move(respond));
  const auto message = wire::decode<wire::fb::EnrollT>(request.body);
  if (!message) return refuse(peer, request, message.error(), std::move(respond));
  const auto enrolled = core_.enrol(message->secret, message->certificate_request, loop_.now());
  if (!enrolled) {
    refuse(peer, request, enrolled.error(), std::move(respond));
  } else {
    // Who it is from now on: at this port nobody shows a certificate.
    const auto issued = parse_certificate(enrolled->chain.front()->der);
    const bool named = issued && !issued->fields.uri_names.empty();
    note_allowed({named ? issued->fields.uri_names.front() : peer.address, {}, {}, peer.address}, Action::enrol);
    answer(std::move(respond), ok(wire::encode(*enrolled)));
  }
  settle();
}

void Endpoints::take_token(const Caller& caller, const Peer& peer, const Request& request, Responder respond) {
  const auto ask = wire::decode<wire::fb::TokenAskT>(request.body);
  if (!ask) return refuse(peer, request, ask.error(), std::move(respond));
  const auto grant = core_.give_token(caller, peer, *ask, request.authorization, loop_.now());
  if (!grant) return refuse(peer, request, grant.error(), std::move(respond));
  answer(std::move(respond), ok(wire::encode(*grant)));
}

void Endpoints::renew(const Peer& peer, const Request& request, Responder respond) {
  const auto message = wire::decode<wire::fb::RenewT>(request.body);
  if (!message) return refuse(peer, request, message.error(), std::move(respond));
  const auto renewed = core_.renew(peer, message->certificate_request, loop_.now());
  if (!renewed) return refuse(peer, request, renewed.error(), std::move(respond));
  answer(std::move(respond), ok(wire::encode(*renewed)));
}

void Endpoints::revoke(const Caller& caller, const Peer& peer, const Request& request, Responder respond) {
  const auto message = wire::decode<wire::fb::RevokeT>(request.body);
  if (!message) return refuse(peer, request, message.error(), std::move(respond));
  if (message->kind == "operator")
    if (const auto key = parse_operator_key(message->id); key && key->pin == peer.key_pin)
      return refuse(
          peer, request,
          {ErrorKind::conflict,
           "these are the credentials that you ask with: make others first (forgepool hub operator), and ask with those"},
          std::move(respond));
  wire::fb::RevokedT done;
  if (message->kind == "organization") {
    if (const auto allowed = authorize(caller, Action::revoke_organization); !allowed)
      return refuse(peer, request, allowed.error(), std::move(respond));
    const auto leases = front_.revoke_organization(message->id, message->reason);
    if (!leases) return refuse(peer, request, leases.error(), std::move(respond));
    done.leases = *leases;
  } else {
    const auto revoked = core_.revoke(message->kind, message->id, message->reason, loop_.now());
    if (!revoked) return refuse(peer, request, revoked.error(), std::move(respond));
    done.leases = revoked->leases;
    turn_out(revoked->whose);
    if (message->id.starts_with("log-") && message->kind == "key")
      if (const auto told = front_.key_changed(identity_.trust_domain, KeyPurpose::log); !told)
        return refuse(peer, request, told.error(), std::move(respond));
  }
  answer(std::move(respond), ok(wire::encode(done)));
}

void Endpoints::rotate(const Peer& peer, const Request& request, Responder respond) {
  const auto message = wire::decode<wire::fb::RotateKeyT>(request.body);
  if (!message) return refuse(peer, request, message.error(), std::move(respond));
  const auto purpose = KeyId::parse(message->purpose + "-1");
  if (!purpose || purpose->purpose == KeyPurpose::node)
    return refuse(peer, request, {ErrorKind::invalid_input, "purpose: expected ca, hub, token or log"}, std::move(respond));
  // A ledger that has one key for ever says so now, and not when there is another one.
  if (purpose->purpose == KeyPurpose::log)
    if (const auto possible = front_.key_changed(identity_.trust_domain, KeyPurpose::log); !possible)
      return refuse(peer, request, possible.error(), std::move(respond));
  const auto key = core_.rotate(purpose->purpose, loop_.now());
  if (!key) return refuse(peer, request, key.error(), std::move(respond));
  if (const auto shown = front_.key_changed(identity_.trust_domain, purpose->purpose); !shown)
    return refuse(peer, request, shown.error(), std::move(respond));
  wire::fb::KeyRotatedT rotated;
  rotated.key = key->str();
  rotated.trusted_root = make_trusted_root(identity_);
  answer(std::move(respond), ok(wire::encode(rotated)));
}

void Endpoints::read_revocation_list(const Peer& peer, const Request& request, std::uint64_t ca_epoch, Responder respond) {
  if (ca_epoch > max_ca_epoch) ca_epoch = max_ca_epoch;
  auto list = core_.revocation_list(static_cast<std::uint32_t>(ca_epoch), loop_.now());
  if (!list) return refuse(peer, request, list.error(), std::move(respond));
  answer(std::move(respond), ok(std::move(*list), "application/pkix-crl"));
}

void Endpoints::turn_out(const std::function<bool(const Peer&)>& whose) {
  const auto end_waiting = [&](auto& waiting) {
    for (auto entry = waiting.begin(); entry != waiting.end();) {
      const auto one = entry++;
      if (whose(one->second.peer)) leave(one);
    }
  };
  end_waiting(waiting_agents_);
  end_waiting(waiting_clients_);
  front_.disconnect(whose);
}

}  // namespace forgepool::hub
