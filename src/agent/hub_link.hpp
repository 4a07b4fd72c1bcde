#pragma once
/// An agent's connection to its hub: one at a time, made again when it breaks, with growing pauses. Loop thread only.
#include <forgepool/credentials.hpp>
#include <forgepool/event_loop.hpp>
#include <forgepool/log.hpp>
#include <forgepool/transport.hpp>

namespace forgepool::agent {

class HubLink {
 public:
  struct Options {
    std::string address;
    std::uint16_t port = 0;
    Duration reconnect_delay{};
  };
  HubLink(EventLoop& loop, Transport& transport, const Credentials& credentials, Options options, LogSink& log);

  using Done = std::function<void(Result<Response>)>;
  /// Sends; connects first if need be. An answer that is no success becomes the error that it stands for (wire::Failure).
  /// `unavailable` if the hub could not be reached or the connection broke: ask `pause` how long to wait before trying again.
  void send(Request request, Done done);

  /// How long to wait after the failures in a row so far; zero after a success.
  Duration pause() const;
  bool connected() const { return connected_; }
  /// From now on a new connection, made with what the credentials are by now. What was asked on the old one is still answered.
  void renew();

 private:
  /// That the hub could not be reached: at first, then ever more rarely.
  void note_failure(const Error& error);

  EventLoop& loop_;
  Transport& transport_;
  const Credentials& credentials_;
  const Options options_;
  LogSink& log_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Connection> retired_;
  std::unique_ptr<Subscription> retirement_;
  unsigned failures_ = 0;
  bool connected_ = false;
  /// Answers must not reach a link that is gone.
  std::shared_ptr<HubLink*> self_ = std::make_shared<HubLink*>(this);

 public:
  ~HubLink() { *self_ = nullptr; }
};

}  // namespace forgepool::agent
