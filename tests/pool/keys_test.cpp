// Keys, organizations and revocation as an operator meets them: processes, QUIC, files on the disk.
#include "process_pool.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <filesystem>
#include <fstream>

using namespace forgepool_test;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

namespace {

json job(unsigned shards, unsigned replicas) {
  return {{"op", {{"name", "noop"}, {"version", "1"}, {"profile", "noop.v1"}}},
          {"args", {{"shards", shards}}},
          {"policy", {{"verify", replicas > 1 ? "full" : "none"}, {"replicas", replicas}, {"timeout_ms", 60000}}}};
}

std::vector<std::string> with_passphrase(const ProcessPool& pool) {
  const auto file = pool.path("passphrase");
  std::ofstream(file) << "correct horse battery staple\n";
  std::filesystem::permissions(file, std::filesystem::perms(0600));
  return {"--passphrase-file", file};
}

std::string agent_id(const std::string& credentials) {
  std::ifstream file(credentials + "/node.pem");
  REQUIRE(file.is_open());
  const auto shown = run({"/usr/bin/openssl", "x509", "-in", credentials + "/node.pem", "-noout", "-ext", "subjectAltName"});
  const auto at = shown.output.find("/agent/");
  REQUIRE(at != std::string::npos);
  return shown.output.substr(at + 7, shown.output.find_first_of(" \n", at) - at - 7);
}

}  // namespace

TEST_CASE(
    "keys are rotated, an agent is revoked and organizations come and go while processes work, with keys under a passphrase") {
  ProcessPool pool(with_passphrase);
  const std::string data = pool.path("hub"), root = pool.path("hub/identity/root.json");
  for (const auto& entry : std::filesystem::directory_iterator(data + "/identity"))
    if (entry.path().extension() == ".key") {
      std::ifstream file(entry.path());
      CHECK(std::string(std::istreambuf_iterator<char>(file), {}).find("PRIVATE KEY") == std::string::npos);
    }
  const auto refused = run({programs + "/forgepool-hub", "--data", data, "--port", "0", "--enrol-port", "0"});
  CHECK(refused.code != 0);
  CHECK_THAT(refused.errors, ContainsSubstring("passphrase"));
  CHECK(run({programs + "/forgepool", "org", "init", "--data", data, "aurora", "--passphrase-file", pool.path("passphrase")})
            .code == 0);

  pool.start_hub();
  pool.start_agent("first");
  pool.start_agent("second");
  const auto before = pool.cli({"submit", pool.contract(job(10, 2)), "--wait"}).at("job").get<std::string>();
  for (const auto* purpose : {"token", "hub", "log", "ca"}) {
    CAPTURE(purpose);
    pool.cli({"keys", "rotate", purpose});
    CHECK(pool.cli({"submit", pool.contract(job(4, 2)), "--wait"}).at("state") == "done");
  }
  for (const auto* bundle : {"early.json", "late.json"}) {
    const auto id =
        bundle[0] == 'e' ? before : pool.cli({"submit", pool.contract(job(4, 2)), "--wait"}).at("job").get<std::string>();
    pool.cli({"bundle", id, "--output", pool.path(bundle)});
    CHECK(pool.cli({"verify", pool.path(bundle), "--root", root}).at("verified") == true);
  }

  CHECK(pool.cli({"health"}).at("status") == "ok");
  pool.cli({"revoke", "agent", agent_id(pool.path("second")), "--reason", "its disk was stolen"});
  CHECK(pool.wait_for_agent("second") == 4);
  pool.cli({"revoke", "agent", agent_id(pool.path("second"))}, 2);
  pool.cli({"revoke", "agent", "a-nobody"}, 5);
  CHECK(pool.cli({"submit", pool.contract(job(4, 1)), "--wait"}).at("state") == "done");

  // Another organization: its own operator, agents, jobs, root.
  const std::string aurora = pool.path("hub/organizations/aurora");
  const auto token = pool.cli_as(aurora + "/operator", {"hub", "invite"}).at("join_token").get<std::string>();
  pool.cli_as("", {"agent", "enroll", "--join", token, "--output", pool.path("theirs")});
  pool.start_agent("theirs");
  const auto theirs =
      pool.cli_as(aurora + "/operator", {"submit", pool.contract(job(4, 1)), "--wait"}).at("job").get<std::string>();
  pool.cli({"status", theirs}, 5);
  pool.cli_as(aurora + "/operator", {"bundle", theirs, "--output", pool.path("theirs.json")});
  pool.cli({"verify", pool.path("theirs.json"), "--root", aurora + "/identity/root.json"});
  pool.cli({"verify", pool.path("theirs.json"), "--root", root}, 1);
  CHECK(pool.cli({"org", "list"}).at("organizations").size() == 2);
  pool.cli_as(aurora + "/operator", {"org", "list"}, 4);
  pool.cli({"revoke", "organization", "aurora"});
  CHECK(pool.wait_for_agent("theirs") == 4);

  // All of it is there after a crash.
  pool.kill_hub();
  pool.start_hub();
  pool.cli_as(aurora + "/operator", {"jobs"}, 4);
  CHECK(pool.cli({"org", "list"}).at("organizations")[1].at("state") == "revoked");
  CHECK_THAT(pool.cli({"hub", "agents"}).dump(), ContainsSubstring("its disk was stolen"));
  CHECK(pool.cli({"submit", pool.contract(job(4, 1)), "--wait"}).at("state") == "done");
  pool.cli({"bundle", before, "--output", pool.path("again.json")});
  CHECK(pool.cli({"verify", pool.path("again.json"), "--root", root}).at("verified") == true);

  // Whoever checks the ledger needs no key: nobody has to type the passphrase for it.
  pool.kill_hub();
  pool.cli({"ledger", "fsck", "--data", data});
}

TEST_CASE("a hub whose keys are in a PKCS#11 token issues, signs and rotates without a private key on its disk") {
  std::string module;
  for (const char* place : {"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"})
    if (std::filesystem::exists(place)) module = place;
  if (module.empty()) SKIP("no SoftHSM here");
  ProcessPool pool([&](const ProcessPool& made) -> std::vector<std::string> {
    std::filesystem::create_directory(made.path("tokens"));
    std::ofstream(made.path("softhsm2.conf")) << "directories.tokendir = " << made.path("tokens") << "\nlog.level = ERROR\n";
    REQUIRE(::setenv("SOFTHSM2_CONF", made.path("softhsm2.conf").c_str(), 1) == 0);  // The programs inherit it.
    const auto token =
        run({"/usr/bin/softhsm2-util", "--init-token", "--free", "--label", "pool", "--so-pin", "123456", "--pin", "1234"});
    REQUIRE(token.code == 0);
    std::ofstream(made.path("pin")) << "1234\n";
    std::filesystem::permissions(made.path("pin"), std::filesystem::perms(0600));
    return {"--pkcs11-module", module, "--pkcs11-token", "pool", "--pkcs11-pin-file", made.path("pin")};
  });
  pool.start_hub();
  pool.start_agent("only");
  CHECK(pool.cli({"submit", pool.contract(job(4, 1)), "--wait"}).at("state") == "done");
  for (const auto* purpose : {"token", "hub", "log", "ca"})
    pool.cli({"keys", "rotate", purpose, "--root-output", pool.path("root.json")});
  pool.kill_hub();
  pool.start_hub();
  const auto id = pool.cli({"submit", pool.contract(job(4, 1)), "--wait"}).at("job").get<std::string>();
  pool.cli({"bundle", id, "--output", pool.path("bundle.json")});
  CHECK(pool.cli({"verify", pool.path("bundle.json"), "--root", pool.path("root.json")}).at("verified") == true);
  pool.kill_hub();
  pool.cli({"ledger", "fsck", "--data", pool.path("hub")});
  for (const auto& entry : std::filesystem::recursive_directory_iterator(pool.path("hub")))
    if (entry.path().string().find("/operator/") == std::string::npos) CHECK(entry.path().extension() != ".key");
}
