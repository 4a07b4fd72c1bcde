#include <forgepool/testing/faulty_transport.hpp>

#include <forgepool/testing/random.hpp>

#include <map>

namespace forgepool::testing {
namespace {

/// What the connections of one faulty transport have in common.
struct Network {
  EventLoop& loop;
  Transport& inner;
  Random random;
  std::shared_ptr<TransportFaults> faults;

  Duration delay() {
    if (faults->max_delay <= faults->min_delay) return faults->min_delay;
    return faults->min_delay +
           Duration(random.below(static_cast<std::uint64_t>((faults->max_delay - faults->min_delay).count()) + 1));
  }
};

class FaultyConnection final : public Connection, public std::enable_shared_from_this<FaultyConnection> {
 public:
  FaultyConnection(std::shared_ptr<Network> network, std::unique_ptr<Connection> inner)
      : network_(std::move(network)), inner_(std::move(inner)) {}

  /// Until everybody was told that it ended: whoever let go of it before would never hear of requests that are under way.
  bool usable() const override { return alive() || !exchanges_.empty(); }

  void send(Request request, std::function<void(Result<Response>)> done) override {
    const std::uint64_t number = next_++;
    const TransportFaults& faults = *network_->faults;
    // All draws are made whatever comes of them, so that changing one probability leaves the other faults where they were.
    const bool disconnected = network_->random.chance(faults.disconnect);
    const bool lost = network_->random.chance(faults.lose_request);
    const bool unanswered = network_->random.chance(faults.lose_response);
    const bool twice = network_->random.chance(faults.duplicate);
    const Duration there = network_->delay(), back = network_->delay(), again = network_->delay();

    network_->faults->injected += disconnected || lost || unanswered || faults.partitioned;
    network_->faults->injected += twice && !disconnected && !lost;
    Exchange& exchange = exchanges_[number];
    exchange.done = std::move(done);
    if (disconnected || !alive()) {
      at(number, Duration::zero(), [this] { disconnect(); });
      return;
    }
    if (lost || unanswered || faults.partitioned) at(number, faults.timeout, [this, number] { time_out(number); });
    if (lost || faults.partitioned) return;
    const bool deliver = !unanswered;
    if (twice)
      duplicates_[number] =
          network_->loop.after(there + again, guard([this, number, request] { arrive_again(number, request); }));
    at(number, there, [this, number, back, deliver, request = std::move(request)]() mutable {
      arrive(number, std::move(request), back, deliver);
    });
  }

  /// The owner let go: nothing is delivered any more.
  void close() {
    exchanges_.clear();
    duplicates_.clear();
    inner_.reset();
  }

 private:
  struct Exchange {
    std::function<void(Result<Response>)> done;
    std::vector<std::unique_ptr<Subscription>> timers;
  };

  bool alive() const { return inner_ && inner_->usable(); }

  /// The task keeps the connection through its own run: what it calls may let go of it.
  std::function<void()> guard(std::function<void()> task) {
    return [self = weak_from_this(), task = std::move(task)] {
      if (const auto connection = self.lock()) task();
    };
  }

  void at(std::uint64_t number, Duration delay, std::function<void()> task) {
    exchanges_[number].timers.push_back(network_->loop.after(delay, guard(std::move(task))));
  }

  void arrive(std::uint64_t number, Request request, Duration back, bool deliver) {
    if (!inner_ || network_->faults->partitioned) {
      at(number, network_->faults->timeout, [this, number] { time_out(number); });
      return;
    }
    inner_->send(std::move(request), [self = weak_from_this(), number, back, deliver](Result<Response> response) {
      const auto connection = self.lock();
      if (!connection || !deliver || !connection->exchanges_.contains(number)) return;
      auto shared = std::make_shared<Result<Response>>(std::move(response));
      connection->at(number, back,
                     [connection = connection.get(), number, shared] { connection->complete(number, std::move(*shared)); });
    });
  }

  /// Also after the exchange is over: a network may keep a copy for long.
  void arrive_again(std::uint64_t number, const Request& request) {
    const auto timer = duplicates_.extract(number);
    if (inner_ && !network_->faults->partitioned) inner_->send(request, [](const Result<Response>&) {});
  }

  void time_out(std::uint64_t number) {
    complete(number, fail(ErrorKind::unavailable, "fault injected: no response in time; try again"));
  }

  void complete(std::uint64_t number, Result<Response> response) {
    auto exchange = exchanges_.extract(number);
    if (exchange) exchange.mapped().done(std::move(response));
  }

  void disconnect() {
    inner_.reset();
    duplicates_.clear();
    auto exchanges = std::exchange(exchanges_, {});
    for (auto& [number, exchange] : exchanges)
      exchange.done(fail(ErrorKind::unavailable, "fault injected: the connection broke; connect again"));
  }

  const std::shared_ptr<Network> network_;
  std::unique_ptr<Connection> inner_;
  std::map<std::uint64_t, Exchange> exchanges_;
  std::map<std::uint64_t, std::unique_ptr<Subscription>> duplicates_;
  std::uint64_t next_ = 0;
};

/// What the owner holds. The connection itself may have to live through a callback in which its owner lets go of it.
class OwnedConnection final : public Connection {
 public:
  explicit OwnedConnection(std::shared_ptr<FaultyConnection> connection) : connection_(std::move(connection)) {}
  ~OwnedConnection() override { connection_->close(); }
  void send(Request request, std::function<void(Result<Response>)> done) override {
    connection_->send(std::move(request), std::move(done));
  }
  bool usable() const override { return connection_->usable(); }

 private:
  const std::shared_ptr<FaultyConnection> connection_;
};

class FaultyTransport final : public Transport {
 public:
  explicit FaultyTransport(std::shared_ptr<Network> network) : network_(std::move(network)) {}

  Result<std::unique_ptr<Listener>> listen(ListenOptions options) override {
    return network_->inner.listen(std::move(options));
  }

  Result<std::unique_ptr<Connection>> connect(ConnectOptions options) override {
    auto inner = network_->inner.connect(std::move(options));
    if (!inner) return inner;
    return std::make_unique<OwnedConnection>(std::make_shared<FaultyConnection>(network_, std::move(*inner)));
  }

 private:
  const std::shared_ptr<Network> network_;
};

}  // namespace

std::unique_ptr<Transport> make_faulty_transport(EventLoop& loop, Transport& inner, std::uint64_t seed,
                                                 std::shared_ptr<TransportFaults> faults) {
  return std::make_unique<FaultyTransport>(std::shared_ptr<Network>(new Network{loop, inner, Random(seed), std::move(faults)}));
}

}  // namespace forgepool::testing
