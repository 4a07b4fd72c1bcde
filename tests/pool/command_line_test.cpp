// The command line as a user meets it: the whole way, and mistakes on the way.
#include "process_pool.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

using namespace forgepool_test;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

namespace {

json small_job() {
  return {{"op", {{"name", "mc"}, {"version", "1"}, {"profile", "insurance.v1"}}},
          {"args",
           {{"iterations", 4000},
            {"shard_iterations", 1000},
            {"claim_freq", 2},
            {"claim_severity_mu", 8},
            {"claim_severity_sig", 1}}},
          {"policy", {{"verify", "full"}, {"replicas", 2}, {"timeout_ms", 60000}}},
          {"artifacts", {{"include", {"result"}}}}};
}

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace

TEST_CASE("a cheating agent is caught, the bundle verifies offline, any flipped bit in it does not, and shards replay") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  ProcessPool pool;
  pool.start_hub();
  pool.start_agent("honest-1");
  pool.start_agent("honest-2");
  pool.start_agent("cheat", {"--fault", "corrupt-result"});
  auto contract = small_job();
  contract["args"]["iterations"] = 400000;
  contract["args"]["shard_iterations"] = 10000;
  contract["policy"]["min_agents"] = 3;
  const auto end = pool.cli({"submit", pool.contract(contract), "--wait"});
  REQUIRE(end.at("state") == "done");
  REQUIRE(end.at("caught").size() == 1);
  const std::string job = end.at("job"), cheat = end.at("caught")[0].at("agent");
  CHECK(pool.cli({"hub", "agents"}).dump().find("quarantined") != std::string::npos);
  CHECK_THAT(pool.cli({"explain", job}).dump(), ContainsSubstring(cheat));

  const auto bundle = pool.path("bundle.json"), root = pool.path("hub/identity/root.json"), broken = pool.path("broken.json");
  pool.cli({"bundle", job, "--output", bundle});
  pool.kill_hub();  // Nothing below needs it.
  CHECK(pool.cli({"verify", bundle, "--root", root}).at("rejected").size() == 1);
  const auto content = read(bundle);
  for (int i = 0; i < 100; ++i) {
    auto flipped = content;
    const auto at = random() % flipped.size();
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (random() % 8)));
    write(broken, flipped);
    const auto refused = pool.cli({"verify", broken, "--root", root}, 1);
    CHECK(refused.at("verified") == false);
    CHECK_FALSE(refused.at("reason").get<std::string>().empty());
  }
  write(broken, content.substr(0, content.size() / 2));
  pool.cli({"verify", broken, "--root", root}, 1);

  const auto replayed = pool.cli({"replay", bundle, "--shard", "3", "--shard", "17", "--allow-sandbox-level", sandbox_level()});
  CHECK(replayed.at("identical") == true);
  CHECK(replayed.at("shards").size() == 2);
  CHECK(pool.cli({"replay", bundle, "--shard", "4000", "--allow-sandbox-level", sandbox_level()}, 5).contains("error"));
}

TEST_CASE("the doctor says what this machine can enforce, and what each kind of sandbox cannot") {
  ProcessPool pool;
  const auto report = pool.cli({"sandbox", "doctor"});
  CHECK(report.at("level") == sandbox_level());
  CHECK(report.at("mechanisms").size() >= 8);
  for (const auto& mechanism : report.at("mechanisms"))
    if (!mechanism.at("available")) CHECK_FALSE(mechanism.at("detail").get<std::string>().empty());
  REQUIRE(report.at("backends").size() == 2);
  CHECK(report.at("backends")[0].at("name") == "linux");
  CHECK(report.at("backends")[0].at("works") == true);
  CHECK_THAT(report.at("numeric_class").get<std::string>(), ContainsSubstring("x86-64.fma"));
  const auto text = pool.cli_text({"sandbox", "doctor"});
  CHECK(text.code == 0);
  CHECK_THAT(text.output, ContainsSubstring("Mechanisms") && ContainsSubstring("Numeric class"));
}

TEST_CASE("agents tell the hub their numeric class, under either sandbox") {
  ProcessPool pool;
  pool.start_hub();
  pool.start_agent("plain");
  const auto doctor = pool.cli({"sandbox", "doctor"});
  if (doctor.at("backends")[1].at("works") == true)
    pool.start_agent("wrapped", {"--sandbox", "bubblewrap", "--allow-sandbox-level", "bubblewrap"});
  else
    pool.start_agent("another");
  const auto all_told = [&] {
    const json listed = pool.cli({"hub", "agents"});
    return std::ranges::all_of(listed.at("agents"), [&](const json& agent) {
      const std::string told = agent.at("numeric_class");
      if (!told.empty()) CHECK(told == doctor.at("numeric_class"));
      return !told.empty();
    });
  };
  CHECK(eventually(all_told));
}

TEST_CASE("what an agent's sandbox cannot do, or its operator does not grant, does not come to it") {
  ProcessPool pool;
  pool.start_hub();
  if (pool.cli({"sandbox", "doctor"}).at("backends")[1].at("works") != true) SKIP("bwrap does not work here");
  pool.start_agent("wrapped",
                   {"--sandbox", "bubblewrap", "--allow-sandbox-level", "bubblewrap", "--allow-relaxations", "none"});
  const std::string job = pool.cli({"submit", pool.contract(small_job())}).at("job");
  std::string reasons;
  // Until the agent has said what it offers.
  CHECK(eventually([&] {
    reasons = pool.cli({"explain", job}).at("status").at("reasons").dump();
    return reasons.find("\"sandbox\"") != std::string::npos;
  }));
  CHECK_THAT(reasons, ContainsSubstring("of determinism class strict in world/1"));
  // Another one has what it takes.
  pool.start_agent("plain");
  auto single = small_job();
  single["policy"] = {{"verify", "none"}};
  const std::string done = pool.cli({"submit", pool.contract(single), "--wait"}).at("job");
  CHECK(pool.cli({"status", done}).at("state") == "done");
}

TEST_CASE("mistakes are named, with what was expected, and exit codes tell them apart") {
  ProcessPool pool;
  pool.start_hub();

  SECTION("a contract that is wrong") {
    const auto refuse = [&](json contract, const std::string& expected) {
      const auto finished = pool.cli_text({"submit", pool.contract(contract)});
      CHECK(finished.code == 2);
      CHECK_THAT(finished.errors, ContainsSubstring(expected));
    };
    auto contract = small_job();
    contract["policy"]["replicas"] = 0;
    refuse(contract, "/policy/replicas");
    contract = small_job();
    contract["polcy"] = 1;
    refuse(contract, "/polcy");
    contract = small_job();
    contract["args"]["claim_freq"] = "many";
    refuse(contract, "/args/claim_freq");
    contract = small_job();
    contract["op"]["name"] = "unknown";
    refuse(contract, "mc@1");
    contract = small_job();
    contract["op"]["profile"] = "unknown";
    refuse(contract, "/op/profile");
    write(pool.path("no.json"), "{\"op\": ");
    CHECK(pool.cli_text({"submit", pool.path("no.json")}).code == 2);
    CHECK(pool.cli_text({"submit", pool.path("missing.json")}).code == 5);
  }
  SECTION("a job that does not exist") {
    CHECK(pool.cli_text({"status", "job-none"}).code == 5);
    CHECK(pool.cli_text({"status", "../etc"}).code == 2);
  }
  SECTION("a job that waits says for what") {
    const std::string job = pool.cli({"submit", pool.contract(small_job())}).at("job");
    const auto reasons = pool.cli({"explain", job}).at("status").at("reasons");
    REQUIRE_FALSE(reasons.empty());
    CHECK(reasons[0].at("code") == "no_agents");
    CHECK(pool.cli({"result", job}, 3).at("error").at("kind") == "unavailable");
  }
  SECTION("a job can be tried without submitting it, and cancelled") {
    const auto contract = pool.contract(small_job());
    const auto forecast = pool.cli({"submit", contract, "--dry-run"});
    CHECK(forecast.at("shards") == 4);
    CHECK(forecast.at("executions") == 8);
    CHECK(forecast.at("agents_eligible") == 0);
    CHECK(forecast.at("reasons")[0].at("code") == "too_few_agents");
    CHECK(pool.cli({"jobs"}).at("jobs").empty());

    const std::string job = pool.cli({"submit", contract}).at("job");
    CHECK(pool.cli({"cancel", job}).at("state") == "cancelled");
    CHECK(pool.cli({"cancel", job}).at("state") == "cancelled");
    CHECK(pool.cli({"wait", job}, 1).at("failure") == "cancelled by its owner");
    CHECK(pool.cli({"result", job}, 5).at("error").at("message").get<std::string>().starts_with("the job was cancelled"));
    CHECK(pool.cli({"cancel", "job-none"}, 5).at("error").at("kind") == "not_found");
    pool.kill_hub();
    pool.start_hub();
    CHECK(pool.cli({"status", job}, 1).at("state") == "cancelled");
  }
  SECTION("an agent that drains gets nothing new until it is let work again, also by a hub that came back") {
    pool.start_agent("agent-1");
    pool.start_agent("agent-2");
    const auto agents = pool.cli({"hub", "agents"}).at("agents");
    REQUIRE(agents.size() == 2);
    const std::string drained = agents[0].at("agent");
    CHECK(pool.cli({"hub", "drain", drained}).at("state") == "draining");
    pool.kill_hub();
    pool.start_hub();
    const std::string job = pool.cli({"submit", pool.contract(small_job())}).at("job");
    CHECK(pool.wait_for_shards(job, 0));
    CHECK(pool.cli({"status", job}).at("accepted") == 0);
    CHECK(pool.cli({"hub", "drain", drained, "--undo"}).at("state") != "draining");
    CHECK(pool.cli({"wait", job}).at("state") == "done");
    CHECK(pool.cli({"hub", "drain", "nobody"}, 5).at("error").at("kind") == "not_found");
  }
  SECTION("a job waits for agents that are what it asks for, says so, and goes to no others") {
    for (const auto* name : {"public-1", "public-2"}) pool.start_agent(name);
    const auto present = [&] {
      const auto agents = pool.cli({"hub", "agents"}).at("agents");
      return std::ranges::count_if(agents, [](const auto& agent) { return agent.at("state") == "present"; });
    };
    for (int i = 0; i < 500 && present() < 2; ++i) {
    }
    auto contract = small_job();
    contract["policy"]["target"] = "private";
    contract["policy"]["data_class"] = "confidential";
    contract["policy"]["spread"] = {"operator"};
    const auto path = pool.contract(contract);
    const std::string job = pool.cli({"submit", path}).at("job");
    const auto reasons = pool.cli({"explain", job}).at("status").at("reasons");
    REQUIRE(reasons.size() == 2);
    CHECK(reasons[0].at("code") == "tier");
    CHECK(reasons[0].at("agents") == 2);
    CHECK(reasons[0].at("unblock") == "an agent must join that is of the tier private");
    CHECK(reasons[1].at("code") == "data_class");
    CHECK(pool.cli({"submit", path, "--dry-run"}).at("agents_eligible") == 0);

    pool.kill_hub();  // What was attested is there again afterwards.
    pool.start_hub();
    for (const std::string number : {"1", "2"}) {
      const std::vector<std::string> attested{"--tier",       "private",    "--data-class",
                                              "confidential", "--operator", "owner-" + number};
      pool.enrol_agent("private-" + number, attested);
      pool.start_agent("private-" + number);
    }
    const auto end = pool.cli({"wait", job});
    CHECK(end.at("state") == "done");
    CHECK(end.at("executions") == 8);
    for (const json listed = pool.cli({"hub", "agents"}); const auto& agent : listed.at("agents"))
      CHECK((agent.at("answers") > 0) == (agent.at("tier") == "private"));
  }
  SECTION("what a join token attests is checked and kept") {
    for (const auto& [option, value] :
         {std::pair("--region", "e u"), std::pair("--data-class", "a/b"), std::pair("--adapter", "mc@"),
          std::pair("--numeric-class", "*"), std::pair("--operator", ".x"), std::pair("--network", "\n")})
      CHECK(pool.cli({"hub", "invite", option, value}, 2).at("error").at("kind") == "invalid_input");
    CHECK(pool.cli_text({"hub", "invite", "--tier", "secret"}).code == 2);
  }
  SECTION("the same job id twice is one job, and another contract under it is refused") {
    auto contract = small_job();
    contract["ctx"]["job_id"] = "my-job";
    CHECK(pool.cli({"submit", pool.contract(contract)}).at("job") == "my-job");
    CHECK(pool.cli({"submit", pool.contract(contract)}).at("job") == "my-job");
    contract["seed"] = {{"mode", "explicit"}, {"value", 3}};
    CHECK(pool.cli({"submit", pool.contract(contract)}, 2).at("error").at("kind") == "conflict");
  }
  SECTION("join tokens work once, and only join tokens do") {
    const std::string token = pool.cli({"hub", "invite", "--role", "client"}).at("join_token");
    const auto enrol = [&](const std::string& join, const std::string& output) {
      // The port file holds both ports; the second is for enrolment.
      std::ifstream ports(pool.path("ports"));
      std::string port, enrolment_port;
      ports >> port >> enrolment_port;
      return run({programs + "/forgepool", "--hub", "127.0.0.1:" + enrolment_port, "client", "enroll", "--join", join,
                  "--output", pool.path(output)})
          .code;
    };
    CHECK(enrol(token, "client-1") == 0);
    CHECK(enrol(token, "client-2") == 4);
    auto forged = token;
    forged[10] = forged[10] == 'A' ? 'B' : 'A';
    CHECK(enrol(forged, "client-3") == 4);
    CHECK(enrol("nonsense", "client-4") == 2);

    // A client sees its own jobs and nobody else's, and invites nobody.
    const std::string operators_job = pool.cli({"submit", pool.contract(small_job())}).at("job");
    const auto as_client = [&](std::vector<std::string> arguments) {
      arguments.insert(arguments.begin(),
                       {programs + "/forgepool", "--hub", pool.address(), "--credentials", pool.path("client-1")});
      return run(arguments);
    };
    CHECK(as_client({"status", operators_job}).code == 5);
    CHECK(as_client({"jobs"}).output.empty());
    CHECK(as_client({"hub", "invite"}).code == 4);
    const auto own = as_client({"submit", pool.contract(small_job())});
    CHECK(own.code == 0);
    CHECK(as_client({"jobs"}).output.find(own.output.substr(0, own.output.size() - 1)) != std::string::npos);
  }
  SECTION("a hub that is not there") {
    pool.kill_hub();
    CHECK(pool.cli_text({"jobs"}).code == 3);
  }
}

TEST_CASE("exec@1 runs a program of ours once per input item, verified") {
  ProcessPool pool;
  pool.start_hub();
  pool.start_agent("agent-1");
  pool.start_agent("agent-2");
  const std::string program = FORGEPOOL_WORD_COUNT;
  json items = json::array();
  std::vector<std::string> arguments{"submit"};
  std::vector<std::string> inputs{"--input", program};
  for (int i = 0; i < 5; ++i) {
    const auto file = pool.path("item-" + std::to_string(i));
    std::string words;
    for (int k = 0; k <= i; ++k) words += "word ";
    write(file, words);
    items.push_back(pool.cli({"digest", file}).at("digest"));
    inputs.insert(inputs.end(), {"--input", file});
  }
  const json contract{
      {"op", {{"name", "exec"}, {"version", "1"}, {"profile", "run.v1"}}},
      {"args", {{"program", pool.cli({"digest", program}).at("digest")}, {"items", items}, {"items_per_shard", 2}}},
      {"policy", {{"verify", "full"}, {"replicas", 2}, {"timeout_ms", 60000}}}};
  arguments.push_back(pool.contract(contract));
  // Without its inputs the job is refused before anything runs.
  const auto refused = pool.cli_text({"submit", arguments.back()});
  CHECK(refused.code == 2);
  CHECK_THAT(refused.errors, ContainsSubstring("upload"));
  arguments.insert(arguments.end(), inputs.begin(), inputs.end());
  arguments.push_back("--wait");
  const auto end = pool.cli(arguments);
  REQUIRE(end.at("state") == "done");
  const std::string job = end.at("job");
  const auto result = json::parse(pool.cli_text({"result", job}).output);
  INFO(result.dump());
  for (int i = 0; i < 5; ++i) {
    CHECK(result.at("items").at(static_cast<std::size_t>(i)).at("code") == 0);
    CHECK(result.at("items").at(static_cast<std::size_t>(i)).at("stdout") == std::to_string(i + 1) + "\n");
  }
  pool.cli({"bundle", job, "--output", pool.path("bundle.json")});
  std::vector<std::string> replay{"replay", pool.path("bundle.json"), "--allow-sandbox-level", sandbox_level()};
  CHECK(pool.cli(replay, 5).at("error").at("message").get<std::string>().find("sha256:") != std::string::npos);
  replay.insert(replay.end(), inputs.begin(), inputs.end());
  CHECK(pool.cli(replay).at("identical") == true);
}

TEST_CASE("hub, agent and command line take IPv6 addresses in brackets, and nothing else for one") {
  ProcessPool pool;
  const auto hub = [&](const std::string& address) {
    return run({programs + "/forgepool-hub", "--data", pool.path("hub"), "--address", address, "--port-file", "/nowhere/x",
                "--port", "0", "--enrol-port", "0"});
  };
  // It listens, and then cannot write the file.
  for (const char* address : {"::1", "[::1]"}) CHECK_THAT(hub(address).errors, ContainsSubstring("listening"));
  CHECK(hub("localhost").code == 2);
  CHECK_THAT(hub("localhost").errors, ContainsSubstring("names are not looked up"));
  for (const char* program : {"/forgepool-agent", "/forgepool"}) {
    std::vector<std::string> command{programs + program, "--credentials", pool.path("hub/operator"), "--hub", "::1"};
    if (program == std::string("/forgepool")) command.insert(command.end(), {"jobs"});
    const auto refused = run(command);
    CHECK(refused.code == 2);
    CHECK_THAT(refused.errors, ContainsSubstring("[::1]:PORT"));
  }
  pool.start_hub({"--address", "::1"});
  const auto port = pool.address().substr(pool.address().rfind(':'));
  CHECK(run({programs + "/forgepool", "--credentials", pool.path("hub/operator"), "--hub", "[::1]" + port, "jobs"}).code == 0);
}

TEST_CASE("a data directory that others can change is refused, as a file's wrong permissions are everywhere") {
  ProcessPool pool;
  std::filesystem::permissions(pool.path("hub"), std::filesystem::perms(0777));
  const auto refused = run({programs + "/forgepool-hub", "--data", pool.path("hub"), "--port", "0", "--enrol-port", "0"});
  CHECK(refused.code == 4);
  CHECK_THAT(refused.errors, ContainsSubstring("can be changed by others"));
  std::filesystem::permissions(pool.path("hub"), std::filesystem::perms(0700));
  std::filesystem::permissions(pool.path("hub/operator/node-1.key"), std::filesystem::perms(0644));
  CHECK(run({programs + "/forgepool-agent", "--credentials", pool.path("hub/operator")}).code == 4);
  CHECK(run({programs + "/forgepool", "--credentials", pool.path("hub/operator"), "jobs"}).code == 4);
}

TEST_CASE("mistakes are answered with what to do instead") {
  ProcessPool pool;
  pool.start_hub();
  pool.enrol_agent("agent", {});
  // Enrolling at the members' port.
  const std::string join = pool.cli({"hub", "invite"}).at("join_token");
  const auto lost =
      run({programs + "/forgepool", "--hub", pool.address(), "agent", "enroll", "--join", join, "--output", pool.path("late")});
  CHECK(lost.code != 0);
  CHECK_THAT(lost.errors, ContainsSubstring("is this its enrolment port?"));
  // A directory as an input.
  CHECK_THAT(pool.cli({"submit", pool.contract(small_job()), "--input", pool.path("hub")}, 2).dump(),
             ContainsSubstring("is a directory"));
  // The kind is said once.
  const std::string agent = pool.cli({"hub", "agents"}).at("agents")[0].at("agent");
  pool.cli({"revoke", "agent", agent});
  const auto again = pool.cli_text({"revoke", "agent", agent});
  CHECK_THAT(again.errors, ContainsSubstring("conflict: ") && !ContainsSubstring("conflict: conflict:"));
}

TEST_CASE("an agent that does not reach its hub says so, and where it looked") {
  ProcessPool pool;
  pool.start_hub();
  pool.enrol_agent("agent", {});
  // Nobody is there. The address comes from the environment.
  const auto log = pool.path("lost.log");
  Process agent({"/usr/bin/env", "FORGEPOOL_HUB=127.0.0.1:9", programs + "/forgepool-agent", "--credentials",
                 pool.path("agent"), "--allow-sandbox-level", sandbox_level()},
                {log, std::nullopt});
  CHECK(eventually([&] { return read(log).find("hub_not_reached") != std::string::npos; }));
  CHECK_THAT(read(log), ContainsSubstring("port=9") && ContainsSubstring("FORGEPOOL_HUB"));
  agent.kill();
}
