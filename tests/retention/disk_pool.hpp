#pragma once
/// A hub whose data directory is a real one, with an agent and two clients beside it, in virtual time; and a look at every byte that
/// is in that directory.
#include <forgepool/agent.hpp>
#include <forgepool/backends/memory_transport.hpp>
#include <forgepool/client.hpp>
#include <forgepool/defaults.hpp>
#include <forgepool/testing/virtual_event_loop.hpp>

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <map>

namespace forgepool::test {

template <class T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}

/// Removed at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Every file below a directory, as it is now.
struct Contents {
  explicit Contents(const std::string& directory);
  /// The names of those that hold these bytes.
  std::vector<std::string> files_with(ByteView needle) const;
  std::vector<std::string> files_with(std::string_view needle) const { return files_with(as_bytes(needle)); }
  friend bool operator==(const Contents&, const Contents&) = default;

  std::map<std::string, Bytes> files;  ///< By path.
};
inline std::vector<std::string> files_with(const std::string& directory, ByteView needle) { return Contents(directory).files_with(needle); }
inline std::vector<std::string> files_with(const std::string& directory, std::string_view needle) {
  return files_with(directory, as_bytes(needle));
}

class DiskPool {
 public:
  DiskPool(testing::VirtualEventLoop& loop, std::string directory, LedgerStore store, HubOptions options = {});
  ~DiskPool();

  /// What comes in its way dies with the process: nothing is closed in order.
  const std::string& directory() const { return directory_; }
  Client& owner() { return *owner_; }
  Client& operator_() { return *operator_client_; }
  Client& stranger() { return *stranger_; }
  Ledger& ledger() { return *ledger_; }
  std::string root() const { return make_trusted_root(identity_); }
  const std::vector<std::string>& log() const;

  /// And new connections of the clients.
  void start_hub();
  void stop_hub();
  void start_agent();

  template <class T>
  Result<T> call(std::function<void(std::function<void(Result<T>)>)> start) {
    auto answer = std::make_shared<std::optional<Result<T>>>();
    start([answer](Result<T> result) { *answer = std::move(result); });
    REQUIRE(loop_.run_until([&] { return answer->has_value(); }, std::chrono::minutes(10)));
    return std::move(**answer);
  }

  /// Uploads what the contract needs.
  void upload();
  /// Runs a job that names every marker below somewhere, to its end.
  JobId run_job(const std::string& retention = "{}", const std::string& include = R"(["result","shard_outputs"])");
  Result<JobStatus> submit(const std::string& retention = "{}", const std::string& include = "[]");
  Result<JobStatus> status(Client& client, const JobId& job);
  Result<std::string> bundle(const JobId& job);
  Status erase(Client& client, const JobId& job);
  Result<JobStatus> hold(Client& client, const JobId& job, bool held);

  static constexpr std::string_view input_marker = "SINGULAR-INPUT-6b1f8a", output_marker = "SINGULAR-OUTPUT-c04e77",
                                    contract_marker = "SINGULAR-TRACE-91d2b3";

 private:
  std::unique_ptr<Transport> transport();
  std::unique_ptr<Client> client(const std::string& path);

  testing::VirtualEventLoop& loop_;
  const std::string directory_;
  const LedgerStore store_;
  HubOptions options_;
  struct LineLog;
  const std::shared_ptr<LineLog> log_;
  std::shared_ptr<MemoryNetwork> network_ = make_memory_network();
  HubIdentity identity_;
  std::shared_ptr<Ledger> ledger_;
  std::unique_ptr<Hub> hub_;
  std::unique_ptr<Client> owner_, stranger_, operator_client_;
  std::vector<std::unique_ptr<Transport>> transports_;
  std::unique_ptr<Agent> agent_;
};

/// Needles for everything that stands in the state of a job and its inputs as it is on the disk: wrapped keys and ciphertext.
std::vector<Bytes> ciphertext_of(const Ledger& ledger, const JobId& job);

}  // namespace forgepool::test
