#include "agent/hub_link.hpp"

#include "identity/svid.hpp"
#include "wire/messages.hpp"

#include <algorithm>
#include <bit>

namespace forgepool::agent {

namespace {

// As long as the hub may take to answer what was asked before: see ask_wait_ms in agent.cpp.
constexpr Duration retirement_time = std::chrono::seconds(30);

}  // namespace

HubLink::HubLink(EventLoop& loop, Transport& transport, const Credentials& credentials, Options options, LogSink& log)
    : loop_(loop), transport_(transport), credentials_(credentials), options_(std::move(options)), log_(log) {}

void HubLink::send(Request request, Done done) {
  if (!connection_ || !connection_->usable()) {
    // It goes later: it may be telling those who wait that it broke, and we are called by the first of them.
    if (connection_) loop_.post([old = std::shared_ptr<Connection>(std::move(connection_))] {});
    auto check = identity::check_hub(credentials_);
    if (!check) {
      loop_.post([done = std::move(done), error = check.error()] { done(fail(error)); });
      return;
    }
    ConnectOptions connect;
    connect.address = options_.address;
    connect.port = options_.port;
    connect.identity = credentials_.identity;
    connect.check_peer = std::move(*check);
    auto connection = transport_.connect(std::move(connect));
    if (!connection) {
      ++failures_;
      note_failure(connection.error());
      loop_.post([done = std::move(done), error = connection.error()] { done(fail(error)); });
      return;
    }
    connection_ = std::move(*connection);
  }
  connection_->send(std::move(request), [link = self_, done = std::move(done)](Result<Response> response) {
    HubLink* self = *link;
    if (!self) return;
    if (!response) {
      ++self->failures_;
      // Not one trouble of the network among others: another hub answers, or somebody in between.
      if (response.error().message.find("pin_mismatch") != std::string::npos)
        self->log_.write(LogLevel::error, "hub_pin_mismatch",
                         {{"address", self->options_.address}, {"reason", response.error().message}});
      if (self->connected_)
        self->log_.write(LogLevel::warning, "hub_lost", {{"reason", response.error().message}});
      else
        self->note_failure(response.error());
      self->connected_ = false;
      return done(fail(response.error()));
    }
    self->failures_ = 0;
    if (!self->connected_) self->log_.write(LogLevel::info, "hub_connected", {{"address", self->options_.address}});
    self->connected_ = true;
    if (response->status / 100 != 2) return done(fail(wire::decode_failure(response->body, wire::kind_of(response->status))));
    done(std::move(response));
  });
}

void HubLink::note_failure(const Error& error) {
  if (error.kind != ErrorKind::unavailable || !std::has_single_bit(failures_)) return;
  log_.write(LogLevel::warning, "hub_not_reached",
             {{"address", options_.address},
              {"port", std::to_string(options_.port)},
              {"attempts", std::to_string(failures_)},
              {"reason", error.message},
              {"advice",
               "it is tried again; is this where the hub listens for members (forgepool-agent --hub ADDRESS:PORT or "
               "FORGEPOOL_HUB)?"}});
}

void HubLink::renew() {
  if (!connection_) return;
  retired_ = std::move(connection_);
  retirement_ = loop_.after(retirement_time, [this] { retired_.reset(); });
}

Duration HubLink::pause() const {
  if (failures_ == 0) return Duration::zero();
  return options_.reconnect_delay * (1u << std::min(failures_ - 1, 6u));
}

}  // namespace forgepool::agent
