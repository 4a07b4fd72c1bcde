#pragma once
/// A hub with three organizations, and whoever a test puts beside it: production code over the memory transport in virtual
/// time.
#include "../support/hub_parts.hpp"

#include <forgepool/agent.hpp>
#include <forgepool/backends/memory_transport.hpp>
#include <forgepool/client.hpp>
#include <forgepool/hub.hpp>
#include <forgepool/testing/virtual_event_loop.hpp>

#include <mutex>

namespace forgepool::test {

/// A transport that keeps a copy of all that comes in: bodies, and the certificates that the other end shows.
class RecordingTransport final : public Transport {
 public:
  RecordingTransport(std::unique_ptr<Transport> inner, std::shared_ptr<std::vector<Bytes>> received)
      : inner_(std::move(inner)), received_(std::move(received)) {}
  Result<std::unique_ptr<Listener>> listen(ListenOptions options) override { return inner_->listen(std::move(options)); }
  Result<std::unique_ptr<Connection>> connect(ConnectOptions options) override;

 private:
  const std::unique_ptr<Transport> inner_;
  const std::shared_ptr<std::vector<Bytes>> received_;
};

/// What outlives a hub: its organizations' keys and ledgers.
struct OrganizationHome {
  std::string name;  ///< Empty for the hub's own.
  HubIdentity identity;
  std::shared_ptr<Ledger> ledger;
};

class Pool {
 public:
  using MakeVerifier = std::function<std::unique_ptr<Verifier>()>;
  /// Each organization of each hub gets a verifier of its own; by default it compares as the contracts say, and no more.
  explicit Pool(HubOptions options = {}, MakeVerifier verifier = nullptr);
  ~Pool();

  /// "aurora-insurance" and "borealis-bank" are the names of the other two.
  static constexpr std::size_t own = 0, aurora = 1, borealis = 2;
  OrganizationHome& home(std::size_t index) { return *homes_[index]; }
  const HubIdentity& identity(std::size_t index) const { return homes_[index]->identity; }
  void start_hub();
  Status try_start_hub();
  /// As a hub that is told to stop: what it has begun to write is written.
  void finish_hub();
  void stop_hub() { hub_.reset(); }
  /// With the keys as they are in their stores by then, and with new connections of the operators.
  void restart_hub();

  /// Issued by the organization's keys, without the hub's knowledge.
  Credentials issue(std::size_t organization, const std::string& path) const;
  /// A join token by the organization's operator.
  std::string invite(std::size_t organization, Invitation invitation);
  Credentials enrol(const std::string& token);
  Result<Credentials> try_enrol(const std::string& token);

  std::unique_ptr<Client> client(Credentials credentials);
  /// Runs the loop until the callback came.
  template <class T>
  Result<T> call(std::function<void(std::function<void(Result<T>)>)> start) {
    std::optional<Result<T>> answer;
    start([&](Result<T> result) { answer = std::move(result); });
    REQUIRE(loop.run_until([&] { return answer.has_value(); }, std::chrono::minutes(10)));
    return std::move(*answer);
  }
  Client& operator_of(std::size_t organization) { return *operators_[organization]; }

  struct Member {
    Credentials credentials;
    std::unique_ptr<Agent> agent;
    std::shared_ptr<std::vector<Bytes>> received = std::make_shared<std::vector<Bytes>>();
    std::shared_ptr<LineLog> log = std::make_shared<LineLog>();
    std::vector<std::string> promises;  ///< Of the hub, as they came.
    std::string id() const { return credentials.name.substr(credentials.name.rfind('/') + 1); }
  };
  /// Enrols an agent and lets it work; each of its shards takes `shard_time`.
  std::unique_ptr<Member> start_agent(std::size_t organization, Duration shard_time = std::chrono::milliseconds(10),
                                      Invitation invitation = {});
  /// `output`: what it makes of every shard.
  std::unique_ptr<Member> start_agent_with(Credentials credentials, Duration shard_time, std::string output = honest_output);
  /// On a machine with a clock of its own.
  std::unique_ptr<Member> start_agent_on(EventLoop& machine, Credentials credentials, Duration shard_time,
                                         std::string output = honest_output);
  /// `program` says what becomes of each of its shards.
  using Program = std::function<SandboxReport(const SandboxRequest&)>;
  std::unique_ptr<Member> start_agent_running(Credentials credentials, Program program, EventLoop* on = nullptr);
  static constexpr const char* honest_output = R"({"count":1,"format":"count/1"})";

  /// A connection that sends what it is told to.
  std::unique_ptr<Connection> connect(const Credentials& credentials);
  /// With the token that it needs, if it has none and one is to be had.
  Result<Response> exchange(Connection& connection, Request request);
  /// As it is.
  Result<Response> exchange_bare(Connection& connection, Request request);

  static std::string contract(unsigned shards, const std::string& job_id = "", unsigned replicas = 1);

  testing::VirtualEventLoop loop;
  std::shared_ptr<MemoryNetwork> network = make_memory_network();
  std::shared_ptr<LineLog> log = std::make_shared<LineLog>();
  HubOptions options;
  Duration scan_time{};  ///< So long the hub's ledgers take for a scan on the loop's pool, while the loop goes on.

 private:
  std::unique_ptr<Transport> transport() { return make_memory_transport(loop, network, log); }

  const MakeVerifier make_verifier_;
  const std::vector<std::shared_ptr<const AdapterPackage>> adapters_;
  std::vector<std::unique_ptr<OrganizationHome>> homes_;
  std::vector<std::unique_ptr<Client>> operators_;
  std::vector<std::unique_ptr<Transport>> transports_;
  std::unique_ptr<Hub> hub_;
};

}  // namespace forgepool::test
