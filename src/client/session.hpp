#pragma once
/// A client's connection to its hub, made again when it breaks, and the tokens that its requests need: asked for before they
/// are sent, kept while they are good for more. Loop thread only.
#include "client/permit.hpp"

#include <forgepool/client.hpp>
#include <forgepool/transport.hpp>

#include <map>

namespace forgepool::client {

class Session {
 public:
  Session(EventLoop& loop, Credentials credentials, std::unique_ptr<Transport> transport, ClientOptions options);
  ~Session() { *alive_ = false; }

  using Done = std::function<void(Result<Response>)>;
  /// `done` gets a 2xx answer, or the error that another one stands for. It is not called after the session is destroyed.
  void send(Request request, Done done);

  /// A token for reading a job, that came with an answer.
  void keep_job_token(const std::string& job, std::string token, std::uint64_t life_ms);

  const Credentials& credentials() const { return credentials_; }
  /// For the next connection; this one goes on.
  void set_credentials(Credentials credentials) { credentials_ = std::move(credentials); }

 private:
  struct Kept {
    std::string token;
    Time until{};
  };

  void send_now(Request request, Done done);
  /// Gets a token for it first; keeps it if it is good for more.
  void send_with_new_token(Request request, const Permit& permit, Done done);
  void keep(std::string key, std::string token, std::uint64_t life_ms);
  void fail_later(Done done, Error error);

  EventLoop& loop_;
  Credentials credentials_;
  const std::unique_ptr<Transport> transport_;
  const ClientOptions options_;
  std::unique_ptr<Connection> connection_;
  std::map<std::string, Kept> tokens_;  ///< By action and job.
  /// Callbacks under way look at this before they touch the session.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace forgepool::client
