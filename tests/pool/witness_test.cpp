// A log that others watch: published by a hub over tile files, cosigned by witnesses, and caught when it is rewritten.
#include "process_pool.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>

using namespace forgepool_test;
using nlohmann::json;

namespace {

class Watched {
 public:
  Watched() {
    // A witness makes its key when it is first started, and says so before it looks for the hub.
    std::string policy;
    for (const char* name : {"one", "two"}) {
      const auto started = look(name);
      const auto vkey = json::parse(started.output.substr(0, started.output.find('\n'))).at("witness").get<std::string>();
      policy += std::string("witness ") + name + " " + vkey + "\n";
    }
    std::ofstream(pool.path("policy")) << policy << "group both all one two\nquorum both\n";
  }

  std::string root() const { return pool.path("hub/identity/root.json"); }
  Finished look(const std::string& name) {
    return pool.cli_text({"--json", "witness", "--data", pool.path("witness-" + name), "--name", "witness.example/" + name,
                          "--root", root(), "--once"});
  }
  /// Its last line.
  static json said(const Finished& finished) {
    const auto end = finished.output.find_last_not_of('\n');
    return json::parse(finished.output.substr(finished.output.rfind('\n', end) + 1));
  }
  std::string run_job(int shards) {
    const json contract{{"op", {{"name", "noop"}, {"version", "1"}, {"profile", "noop.v1"}}},
                        {"args", {{"shards", shards}}},
                        {"policy", {{"verify", "none"}, {"timeout_ms", 120000}}},
                        {"artifacts", {{"include", {"result"}}}}};
    return pool.cli({"submit", pool.contract(contract), "--wait"}).at("job");
  }

  ProcessPool pool;
};

}  // namespace

TEST_CASE("evidence is given out when a quorum of witnesses has seen it, and the log verifies wherever it is read") {
  Watched watched;
  ProcessPool& pool = watched.pool;
  pool.start_hub({"--ledger", "tiles", "--witness-policy", pool.path("policy")});
  pool.start_agent("agent");
  const std::string job = watched.run_job(6);
  const std::vector<std::string> bundle{"bundle", job, "--output", pool.path("bundle.json")};
  CHECK(pool.cli(bundle, 3).at("error").dump().find("quorum") != std::string::npos);  // Fails closed.

  const auto one = watched.look("one");
  INFO(one.output + one.errors);
  CHECK(one.code == 0);
  CHECK(Watched::said(one).at("size").get<int>() > 6);
  pool.cli(bundle, 3);
  CHECK(watched.look("two").code == 0);
  pool.cli(bundle);
  CHECK(pool.cli({"verify", pool.path("bundle.json"), "--root", watched.root()}).at("verified") == true);
  const std::vector<std::string> witnessed{"verify", pool.path("bundle.json"), "--root", watched.root(), "--witness-policy"};
  const auto by_policy = [&](const std::string& name) {
    auto arguments = witnessed;
    arguments.push_back(pool.path(name));
    return arguments;
  };
  CHECK(pool.cli(by_policy("policy")).at("witnessed") == true);
  // A witness that has not seen it.
  const auto three = watched.look("three").output;
  const auto third = json::parse(three.substr(0, three.find('\n'))).at("witness").get<std::string>();
  std::ofstream(pool.path("other-policy")) << "witness three " << third << "\nquorum three\n";
  CHECK(pool.cli(by_policy("other-policy"), 1).at("reason").dump().find("three") != std::string::npos);
  CHECK(pool.cli(by_policy("no-policy"), 5).contains("error"));
  CHECK(pool.cli({"audit", job, "--root", watched.root(), "--witness-policy", pool.path("policy")}).at("verified") == true);
  CHECK(pool.cli({"audit", job, "--root", watched.root(), "--witness-policy", pool.path("other-policy")}, 1).at("verified") ==
        false);

  const auto verified = pool.cli({"ledger", "verify", "--root", watched.root(), "--witness-policy", pool.path("policy")});
  const auto size = verified.at("size").get<std::uint64_t>();
  pool.cli({"ledger", "export", "--root", watched.root(), "--output", pool.path("copy")});
  CHECK(pool.cli({"ledger", "verify", "--dir", pool.path("copy"), "--root", watched.root(), "--witness-policy",
                  pool.path("policy")})
            .at("size") == size);
  // An export is brought up to date in its place; nothing else is overwritten.
  pool.cli({"ledger", "export", "--root", watched.root(), "--output", pool.path("copy")});
  std::filesystem::create_directory(pool.path("something-else"));
  pool.cli({"ledger", "export", "--root", watched.root(), "--output", pool.path("something-else")}, 2);
  pool.cli({"ledger", "prove", "0", "--root", watched.root(), "--output", pool.path("first.tlog-proof")});
  CHECK(pool.cli({"ledger", "prove", std::to_string(size), "--root", watched.root()}, 5).contains("error"));
  watched.run_job(2);
  for (const char* name : {"one", "two"}) CHECK(watched.look(name).code == 0);
  // What was proved earlier is part of what there is now.
  CHECK(pool.cli({"ledger", "verify", "--root", watched.root(), "--checkpoint", pool.path("first.tlog-proof"), "--checkpoint",
                  pool.path("copy/checkpoint")})
            .at("size") > size);

  pool.stop_hub();
  CHECK(pool.cli({"ledger", "fsck", "--data", pool.path("hub")}).at("sound") == true);
  // A flipped bit in what any web server would serve.
  const std::string tile = pool.path("copy/tile/0/000.p/" + std::to_string(size));
  std::fstream file(tile, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(40);
  file.put('?');
  file.close();
  CHECK(pool.cli({"ledger", "verify", "--dir", pool.path("copy"), "--root", watched.root()}, 1).at("verified") == false);
}

TEST_CASE("a hub that rewrites its log is caught by a witness, and by whoever kept a checkpoint") {
  Watched watched;
  ProcessPool& pool = watched.pool;
  const std::vector<std::string> tiles{"--ledger", "tiles"};
  pool.start_hub(tiles);
  pool.start_agent("agent");
  watched.run_job(2);
  pool.stop_hub();
  std::filesystem::copy(pool.path("hub/ledger.tiles"), pool.path("earlier"), std::filesystem::copy_options::recursive);
  pool.start_hub(tiles);
  watched.run_job(3);
  // No policy: cosignatures are not asked for; but the witness has seen what it has seen.
  CHECK(watched.look("one").code == 0);
  // Nor is a look at an idle log a fault that would fill the hub's log.
  CHECK(watched.look("one").code == 0);
  CHECK(pool.logs().find("request_refused") == std::string::npos);
  pool.cli({"ledger", "export", "--root", watched.root(), "--output", pool.path("copy")});
  pool.stop_hub();

  std::filesystem::remove_all(pool.path("hub/ledger.tiles"));
  std::filesystem::copy(pool.path("earlier"), pool.path("hub/ledger.tiles"), std::filesystem::copy_options::recursive);
  // An operator who does so by mistake is told; one who wants to removes what it is known by.
  const auto refused = run({programs + "/forgepool-hub", "--data", pool.path("hub"), "--port", "0", "--enrol-port", "0"});
  CHECK(refused.code == 6);
  CHECK(refused.errors.find("an older copy of the data directory was put back") != std::string::npos);
  CHECK(refused.errors.find(pool.path("hub.head")) != std::string::npos);
  std::filesystem::remove(pool.path("hub.head"));
  pool.start_hub(tiles);
  auto caught = watched.look("one");
  INFO(caught.output + caught.errors);
  CHECK(caught.code == 1);
  CHECK(Watched::said(caught).at("caught") == true);
  const std::vector<std::string> verify{"ledger",       "verify",       "--root",
                                        watched.root(), "--checkpoint", pool.path("copy/checkpoint")};
  CHECK(pool.cli(verify, 1).at("reason").dump().find("CUT OFF") != std::string::npos);

  // Grown past where it was, with other entries: the same, with evidence.
  watched.run_job(20);
  caught = watched.look("one");
  CHECK(caught.code == 1);
  CHECK(Watched::said(caught).at("outcome").dump().find("REWRITTEN") != std::string::npos);
  CHECK(pool.cli(verify, 1).at("reason").dump().find("REWRITTEN") != std::string::npos);
  // By itself it is a sound log: only who remembers can tell.
  CHECK(pool.cli({"ledger", "verify", "--root", watched.root()}).at("verified") == true);
}
