#pragma once
/// Child processes that acknowledge what they have done through a pipe, so that they can be killed and held to it.
#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <functional>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace forgepool::test {

using Acknowledge = std::function<void(std::uint64_t)>;

struct Acknowledged {
  std::uint64_t last = 0;  ///< Of the numbers that came through.
  std::size_t count = 0;
  int exit_code = -1;  ///< -1: killed.
};

class Child {
 public:
  /// Runs `body` in a fork of this process, which must have no other threads.
  explicit Child(const std::function<int(const Acknowledge&)>& body) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    id_ = ::fork();
    REQUIRE(id_ >= 0);
    if (id_ == 0) {
      ::close(ends[0]);
      int code = 99;
      try {
        code = body([&](std::uint64_t number) {
          if (::write(ends[1], &number, sizeof number) != sizeof number) ::_exit(98);
        });
      } catch (...) {  // A failed assertion of the test framework, which the parent sees as exit code 99.
      }
      ::_exit(code);
    }
    ::close(ends[1]);
    pipe_ = ends[0];
  }
  Child(const Child&) = delete;
  ~Child() {
    if (id_ > 0) finish(true);
  }

  /// Waits for the next acknowledgement; false if the child is gone.
  bool next() {
    std::uint64_t number = 0;
    if (::read(pipe_, &number, sizeof number) != sizeof number) return false;
    seen_.last = number;
    ++seen_.count;
    return true;
  }

  /// Kills the child, or lets it finish, and counts what it acknowledged until then.
  Acknowledged finish(bool kill) {
    if (kill) ::kill(id_, SIGKILL);
    while (next()) continue;
    ::close(pipe_);
    int status = 0;
    ::waitpid(id_, &status, 0);
    id_ = -1;
    seen_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return seen_;
  }

 private:
  pid_t id_ = -1;
  int pipe_ = -1;
  Acknowledged seen_;
};

inline Acknowledged run_until_exit(const std::function<int(const Acknowledge&)>& body) {
  return Child(body).finish(false);
}

inline int exit_code_of(const std::function<int()>& body) {
  return run_until_exit([&](const Acknowledge&) { return body(); }).exit_code;
}

}  // namespace forgepool::test
