#pragma once
/// An agent: connects outward to one hub, asks for leases, runs their shards in its sandbox, signs receipts, reports. It
/// listens nowhere and keeps nothing between shards but digest-checked adapters in memory.
///
/// Threads: make, use and destroy it on its event loop; shards run on the loop's pool, which should have at least `slots` + 2
/// threads.
#include <forgepool/credentials.hpp>
#include <forgepool/event_loop.hpp>
#include <forgepool/log.hpp>
#include <forgepool/sandbox.hpp>
#include <forgepool/transport.hpp>

namespace forgepool {

/// The parts an agent is composed of; it owns them.
struct AgentParts {
  std::unique_ptr<Transport> transport;
  std::unique_ptr<Sandbox> sandbox;
  std::shared_ptr<LogSink> log;
};

struct AgentOptions {
  std::string hub_address = "127.0.0.1";
  std::uint16_t hub_port = 0;
  std::uint32_t slots = 1;                  ///< Shards that run at once.
  std::uint32_t max_shards_per_lease = 16;  ///< More saves round trips; fewer loses less when this agent dies.
  std::uint32_t concurrent_leases = 2;      ///< And one more than `slots` at least: that hides the round trip between leases.
  /// What measure_numeric_class() found in this agent's sandbox. Told to the hub, and in receipts. Empty: not measured; then
  /// nothing that asks for a class comes here.
  std::string numeric_class;
  /// What programs may be allowed in this agent's sandbox. Shards that ask for more do not come here, and are refused if they
  /// do.
  SandboxPolicy granted{SandboxRelaxation::spawn};
  std::size_t adapter_cache_bytes = 256u << 20;
  Duration reconnect_delay = std::chrono::milliseconds(200);  ///< Doubles up to 64 times this while the hub is away.
  /// Called with the credentials whenever the certificate was renewed, at half of its life: keep them (update_credentials). An
  /// error is logged; the agent goes on, but not past its next start.
  std::function<Status(const Credentials&)> on_renewed;
  /// Called with what the hub promises when it acknowledges a report: keep the last ones (keep_promise). An error is logged.
  std::function<Status(std::string_view promise)> on_promise;
};

struct AgentStatistics {
  std::uint64_t leases = 0;  ///< Reported and acknowledged.
  std::uint64_t shards = 0;
  std::uint64_t failed_shards = 0;
  bool connected = false;
  std::string refused;  ///< Why the hub refuses this agent, if it does, or why it cannot go on: it stopped asking then.
  /// What is wrong though it goes on: the certificate could not be renewed, or this machine's clock is wrong, and why.
  std::string unhealthy;
  Time certificate_expires_at{};
};

class Agent {
 public:
  virtual ~Agent() = default;
  virtual const AgentStatistics& statistics() const = 0;
  /// Finishes and reports the leases at hand, asks for no more, then calls `done`. Destroying without it cancels what runs; the
  /// hub gives those shards to others.
  virtual void drain(std::function<void()> done) = 0;
};

/// Starts working at once. invalid_input for credentials that are not an agent's, a numeric class that is not an id, or none of
/// what it needs at least one of.
FORGEPOOL_API Result<std::unique_ptr<Agent>> start_agent(EventLoop& loop, Credentials credentials, AgentParts parts,
                                                         AgentOptions options);

}  // namespace forgepool
