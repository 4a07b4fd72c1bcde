#pragma once
// Child processes of a test: started, waited for, killed by their id, never left behind.
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace forgepool_test {

struct ProcessOptions {
  std::string log;            ///< File for standard output and error; empty: thrown away.
  std::optional<uid_t> user;  ///< Run as this user (and group); only root may.
};

class Process {
 public:
  Process() = default;
  Process(const std::vector<std::string>& command, const ProcessOptions& options);
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  /// Kills and reaps.
  ~Process();

  bool running();
  void signal(int number);
  /// SIGKILL, and waits for the end.
  void kill();
  /// Waits for the end; the exit code, or -signal.
  int wait();
  pid_t id() const { return id_; }

 private:
  pid_t id_ = -1;
};

struct Finished {
  int code = 0;
  std::string output;  ///< Standard output.
  std::string errors;  ///< Standard error.
};

/// Polls for something that another process does; false if it did not come within the limit. The pause between two looks is no
/// assumption about its speed.
bool eventually(const std::function<bool()>& condition, std::chrono::seconds limit = std::chrono::seconds(60));

/// Runs a command to its end.
Finished run(const std::vector<std::string>& command);

/// A directory that is removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace forgepool_test
