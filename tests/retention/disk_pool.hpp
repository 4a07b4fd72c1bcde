#pragma once
/// A hub whose data directory is a real one, with an agent and two clients beside it, in virtual time.
#include "../support/data_directory.hpp"
#include "../support/hub_parts.hpp"

#include <forgepool/agent.hpp>
#include <forgepool/backends/memory_transport.hpp>
#include <forgepool/client.hpp>
#include <forgepool/defaults.hpp>
#include <forgepool/testing/virtual_event_loop.hpp>

#include <filesystem>

namespace forgepool::test {

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
  const std::shared_ptr<LineLog> log_;
  std::shared_ptr<MemoryNetwork> network_ = make_memory_network();
  HubIdentity identity_;
  std::shared_ptr<Ledger> ledger_;
  std::unique_ptr<Hub> hub_;
  std::unique_ptr<Client> owner_, stranger_, operator_client_;
  std::vector<std::unique_ptr<Transport>> transports_;
  std::unique_ptr<Agent> agent_;
};

}  // namespace forgepool::test
