// A pool under each deployment profile, as processes: what it takes, what it refuses, and why.
#include "process_pool.hpp"

#include <forgepool/defaults.hpp>

#include <catch2/catch_test_macros.hpp>

#include <fstream>
#include <set>

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace forgepool_test;
using nlohmann::json;

namespace {

json noop(int shards, const json& policy = json::object(), const std::string& adapter = "noop") {
  json full{{"verify", "none"}, {"timeout_ms", 120000}};
  full.update(policy);
  return {{"op", {{"name", adapter}, {"version", "1"}, {"profile", "noop.v1"}}},
          {"args", {{"shards", shards}}},
          {"policy", full},
          {"artifacts", {{"include", {"result"}}}}};
}

std::string refusal(const json& answer) {
  return answer.at("error").at("message");
}
std::string submit_refused(ProcessPool& pool, const json& contract) {
  return refusal(pool.cli({"submit", pool.contract(contract)}, 2));
}

/// The content of the events of a kind in the bundle of a job that ran to its end, and verifies.
std::vector<json> run_and_read(ProcessPool& pool, const json& contract, const std::string& kind) {
  const std::string job = pool.cli({"submit", pool.contract(contract), "--wait"}).at("job");
  pool.cli({"bundle", job, "--output", pool.path("bundle.json")});
  CHECK(pool.cli({"verify", pool.path("bundle.json"), "--root", pool.path("hub/identity/root.json")}).at("verified") == true);
  std::ifstream file(pool.path("bundle.json"));
  std::vector<json> contents;
  const json bundle = json::parse(file);
  for (const auto& event : bundle.at("events"))
    if (event.at("kind") == kind) contents.push_back(json::parse(event.at("content").get<std::string>()));
  return contents;
}

/// By control: whether it is met.
std::map<std::string, bool> posture(ProcessPool& pool, const std::string& profile, int code) {
  std::map<std::string, bool> met;
  const auto answer = pool.cli({"posture", "--profile", profile}, code);
  for (const auto& one : answer.at("findings")) met[one.at("control")] = one.at("met");
  return met;
}

Finished hub_that_will_not_start(ProcessPool& pool, const std::vector<std::string>& options) {
  std::vector<std::string> command{programs + "/forgepool-hub", "--data", pool.path("hub"), "--port", "0", "--enrol-port", "0"};
  command.insert(command.end(), options.begin(), options.end());
  return run(command);
}

/// noop@1 under another name, cleared for data of one more class.
std::string cleared_adapter(ProcessPool& pool, const std::string& name, const std::string& data_class) {
  const auto noop_package = forgepool::load_adapter(packages + "/noop-1.fpa").value();
  json manifest = json::parse(noop_package->manifest());
  manifest["name"] = name;
  manifest["profiles"]["noop.v1"]["data_classes"].push_back(data_class);
  const auto package = forgepool::pack_adapter(manifest.dump(), *noop_package->program()).value();
  const std::string file = pool.path(name + ".fpa");
  REQUIRE(forgepool::write_file(file, package));
  return file;
}

/// While it is there, this process and its children are alone in a network that has nothing but a loopback.
class AloneInNetwork {
 public:
  AloneInNetwork() : before_(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) {
    alone_ = before_ >= 0 && ::unshare(CLONE_NEWNET) == 0;
    if (!alone_) return;
    const int any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq loopback{};
    std::snprintf(loopback.ifr_name, sizeof loopback.ifr_name, "lo");
    loopback.ifr_flags = IFF_UP | IFF_RUNNING;
    REQUIRE(::ioctl(any, SIOCSIFFLAGS, &loopback) == 0);
    ::close(any);
  }
  ~AloneInNetwork() {
    if (alone_) (void)::setns(before_, CLONE_NEWNET);
    if (before_ >= 0) ::close(before_);
  }
  AloneInNetwork(const AloneInNetwork&) = delete;
  bool alone() const { return alone_; }
  /// errno of sending something to an address of nobody (RFC 5737).
  static int way_out() {
    const int any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in nobody{};
    nobody.sin_family = AF_INET;
    nobody.sin_port = htons(9);
    nobody.sin_addr.s_addr = htonl(0xc0000201);
    const int error = ::connect(any, reinterpret_cast<const sockaddr*>(&nobody), sizeof nobody) == 0 ? 0 : errno;
    ::close(any);
    return error;
  }

 private:
  const int before_;
  bool alone_ = false;
};

}  // namespace

TEST_CASE("managed: anybody's agents work, and data that need a hub of one's own are refused") {
  ProcessPool pool;
  pool.start_hub({"--profile", "managed"});
  pool.enrol_agent("public", {"--tier", "public"});
  pool.start_agent("public");
  const auto leases = run_and_read(pool, noop(4), "lease");
  REQUIRE_FALSE(leases.empty());
  for (const auto& lease : leases) CHECK(lease.at("admitted") == json{{"data_class", ""}, {"region", ""}, {"tier", "public"}});

  CHECK(submit_refused(pool, noop(1, {{"data_class", "hipaa"}})) ==
        "/policy/data_class: data of the class hipaa may only be on a hub that is its organization's own; this one is deployed "
        "as managed");
  CHECK(submit_refused(pool, noop(1, {{"data_class", "pci"}}))
            .find("/policy/data_class: the profile is not cleared for \"pci\"") == 0);
  const auto found = posture(pool, "hipaa", 1);
  CHECK(found.at("deployment_profile"));
  CHECK(found.at("audit_log"));
  CHECK(found.at("inputs_deleted"));
  for (const auto* control : {"private_hub", "keys_encrypted", "witnesses", "adapter_cleared", "agents_cleared"})
    CHECK_FALSE(found.at(control));
  CHECK_FALSE(posture(pool, "pci", 1).at("adapter_cleared"));
}

TEST_CASE("hybrid: classified data keep to the organization's own agents, everything else may go out") {
  ProcessPool pool;
  pool.start_hub({"--profile", "hybrid"});
  for (const auto* name : {"own-1", "own-2"}) {
    pool.enrol_agent(name, {"--tier", "enterprise", "--data-class", "confidential"});
    pool.start_agent(name);
  }
  for (const auto* name : {"public-1", "public-2"}) {
    pool.enrol_agent(name, {"--tier", "public"});
    pool.start_agent(name);
  }
  CHECK(refusal(pool.cli({"hub", "invite", "--tier", "public", "--data-class", "confidential"}, 2))
            .find("agents of the tier public are not cleared for confidential") != std::string::npos);
  CHECK(submit_refused(pool, noop(1, {{"data_class", "confidential"}, {"target", "public"}})).find("/policy/target: ") == 0);

  const json twice{{"verify", "full"}, {"replicas", 2}, {"min_agents", 2}};
  json classified = twice;
  classified["data_class"] = "confidential";
  std::set<std::string> tiers;
  for (const auto& lease : run_and_read(pool, noop(12, classified), "lease")) tiers.insert(lease.at("admitted").at("tier"));
  CHECK(tiers == std::set<std::string>{"enterprise"});
  json open = twice;
  open["target"] = "public";
  tiers.clear();
  for (const auto& lease : run_and_read(pool, noop(12, open), "lease")) tiers.insert(lease.at("admitted").at("tier"));
  CHECK(tiers == std::set<std::string>{"public"});
}

TEST_CASE("private: an organization's own hub and agents, and data that need that") {
  ProcessPool pool([](const ProcessPool& made) {
    std::ofstream(made.path("passphrase")) << "correct horse\n";
    ::chmod(made.path("passphrase").c_str(), 0600);
    return std::vector<std::string>{"--passphrase-file", made.path("passphrase")};
  });
  const auto adapter = cleared_adapter(pool, "phi", "hipaa");
  pool.start_hub({"--profile", "private", "--adapter", adapter});
  CHECK(refusal(pool.cli({"hub", "invite", "--tier", "public"}, 2)).find("expected private or enterprise") !=
        std::string::npos);
  CHECK(refusal(pool.cli({"hub", "invite", "--tier", "private", "--visibility", "public"}, 2)).find("visibility: ") == 0);
  pool.enrol_agent("own", {"--tier", "private", "--data-class", "hipaa"});
  pool.start_agent("own");
  const auto residency = run_and_read(pool, noop(3, {{"data_class", "hipaa"}}, "phi"), "residency");
  REQUIRE(residency.size() == 1);
  CHECK(residency[0].at("profile") == "private");
  CHECK(residency[0].at("data_class") == "hipaa");
  CHECK(submit_refused(pool, noop(1, {{"data_class", "hipaa"}})).find("not cleared for \"hipaa\"") != std::string::npos);
  auto found = posture(pool, "hipaa", 1);
  CHECK(std::exchange(found["witnesses"], true) == false);  // The one thing that is missing.
  for (const auto& [control, met] : found) {
    INFO(control);
    CHECK(met);
  }
  pool.stop_hub();

  CHECK(run({programs + "/forgepool", "org", "init", "--data", pool.path("hub"), "other", "--passphrase-file",
             pool.path("passphrase")})
            .code == 0);
  const auto refused = hub_that_will_not_start(pool, {"--profile", "private", "--passphrase-file", pool.path("passphrase")});
  CHECK(refused.code == 2);
  CHECK(refused.errors.find("is for one organization, and this hub has 2") != std::string::npos);
}

TEST_CASE("region-bound: hub, agents and contracts are in one region, and the evidence says so") {
  ProcessPool pool;
  const auto refused = hub_that_will_not_start(pool, {"--profile", "region-bound"});
  CHECK(refused.code == 2);
  CHECK(refused.errors.find("needs the hub's region") != std::string::npos);
  pool.start_hub({"--profile", "region-bound", "--region", "eu-1"});
  CHECK(refusal(pool.cli({"hub", "invite", "--tier", "private", "--region", "us-1"}, 2))
            .find("region: expected eu-1, got \"us-1\"") == 0);
  pool.enrol_agent("here", {"--tier", "private", "--region", "eu-1"});
  pool.start_agent("here");
  CHECK(submit_refused(pool, noop(1)).find("/policy/regions: this hub is bound to its region") == 0);
  CHECK(submit_refused(pool, noop(1, {{"regions", {"us-1"}}}))
            .find("/policy/regions: this hub, which keeps the job's data, is in eu-1") == 0);
  const json contract = noop(5, {{"regions", {"eu-1"}}});
  for (const auto& lease : run_and_read(pool, contract, "lease")) CHECK(lease.at("admitted").at("region") == "eu-1");
  const auto residency = run_and_read(pool, contract, "residency");
  REQUIRE(residency.size() == 1);
  CHECK(residency[0].at("hub_region") == "eu-1");
  CHECK(residency[0].at("regions") == json{"eu-1"});
}

TEST_CASE("air-gapped: a pool works in a network that no route leads out of") {
  ProcessPool pool;
  const auto refused = hub_that_will_not_start(pool, {"--profile", "air-gapped", "--address", "0.0.0.0"});
  CHECK(refused.code == 2);
  CHECK(refused.errors.find("keeps the hub off networks that are routed") != std::string::npos);

  const AloneInNetwork network;
  if (!network.alone()) SKIP("this user cannot make a network namespace");
  CHECK(AloneInNetwork::way_out() == ENETUNREACH);
  pool.start_hub({"--profile", "air-gapped"});
  pool.enrol_agent("own", {"--tier", "private"});
  pool.start_agent("own");
  CHECK(refusal(pool.cli({"hub", "invite", "--tier", "enterprise"}, 2)).find("tier: expected private") == 0);
  CHECK(run_and_read(pool, noop(6), "lease").size() >= 1);
}
