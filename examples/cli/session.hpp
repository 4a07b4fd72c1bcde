#pragma once
// One connection of the command line to a hub, with calls that wait for their answers.
#include <forgepool/defaults.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace forgepool_cli {

/// Exit codes, as documented by `forgepool --help`.
enum ExitCode {
  exit_ok = 0,
  exit_failed = 1,
  exit_usage = 2,
  exit_unreachable = 3,
  exit_refused = 4,
  exit_not_found = 5,
  exit_internal = 6,
  exit_unchecked = 7  ///< Nothing was refuted, and not everything could be checked.
};
int exit_code_of(forgepool::ErrorKind kind);

/// Where the hub is and who we are.
struct HubAddress {
  std::string hub = "127.0.0.1:4433";
  std::string credentials;
};

class Session {
 public:
  static forgepool::Result<Session> open(const HubAddress& address);

  /// Runs the loop until `start`'s callback was called. unavailable after `limit`.
  template <class T>
  forgepool::Result<T> call(std::function<void(std::function<void(forgepool::Result<T>)>)> start,
                            forgepool::Duration limit = std::chrono::seconds(60)) {
    auto answer = std::make_shared<std::optional<forgepool::Result<T>>>();
    start([answer, loop = loop_.get()](forgepool::Result<T> result) {
      *answer = std::move(result);
      loop->stop();
    });
    if (!*answer) loop_->run_for(limit);
    if (!*answer) return forgepool::fail(forgepool::ErrorKind::unavailable, "the hub did not answer in time");
    return std::move(**answer);
  }

  /// Renews our certificate and keeps it in the credentials directory.
  forgepool::Result<forgepool::CertificateLife> renew();

  forgepool::Client& client() { return *client_; }
  forgepool::RunnableEventLoop& loop() { return *loop_; }

 private:
  std::string directory_;
  std::unique_ptr<forgepool::RunnableEventLoop> loop_;
  std::unique_ptr<forgepool::Client> client_;
};

}  // namespace forgepool_cli
