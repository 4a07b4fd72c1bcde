#include "identity/svid.hpp"

#include <forgepool/credentials.hpp>

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>

using namespace forgepool;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

const Time now = *from_rfc3339("2026-01-31T08:15:00Z");

class Folder {
 public:
  Folder() {
    std::string pattern = fs::temp_directory_path() / "forgepool-credentials-XXXXXX";
    path = ::mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path); }
  fs::path path;
};

}  // namespace

TEST_CASE("a new pool's hub and members recognise each other") {
  const auto hub = make_hub_identity("pool.example", now);
  REQUIRE(hub);
  const auto issuers = [&](std::string_view) -> Result<std::vector<identity::Issuer>> {
    return identity::issuers_of(*hub, now);
  };
  for (const char* path : {"agent/a-1", "client/alice", "client/apollo/alice", "operator"}) {
    const auto member = identity::issue_member_credentials(*hub, path, now);
    REQUIRE(member);
    CHECK(member->name == std::string("spiffe://pool.example/") + path);
    CHECK(identity::check_member(issuers, nullptr)(member->identity.certificate_chain, now) == member->name);
    CHECK((*identity::check_hub(*member))(hub->tls.certificate_chain, now) == "spiffe://pool.example/hub");
  }
  CHECK_FALSE(make_hub_identity("Not A Domain", now));
  CHECK_FALSE(issue_credentials(*hub, "client/", now));
  // A hub would refuse it for ever.
  CHECK(issue_credentials(*hub, "agent/a-1", now).error().kind == ErrorKind::invalid_input);
}

TEST_CASE("a pool's keys and a member's credentials survive being saved and loaded, and are never overwritten") {
  const Folder folder;
  // Loading goes by the clock of the machine: a certificate past half of its life would be renewed.
  const auto hub = *make_hub_identity("pool.example", std::chrono::system_clock::now());
  const std::string hub_path = folder.path / "hub", node_path = folder.path / "node/";
  REQUIRE(save_hub_identity(hub, hub_path));
  const auto loaded = load_hub_identity(hub_path);
  REQUIRE(loaded);
  CHECK(loaded->trust_domain == hub.trust_domain);
  CHECK(loaded->pin() == hub.pin());
  CHECK(loaded->ca_certificate == hub.ca_certificate);
  CHECK(loaded->ca_key->public_key() == hub.ca_key->public_key());
  CHECK(loaded->token_key->public_key() == hub.token_key->public_key());
  CHECK(loaded->log_key->public_key() == hub.log_key->public_key());
  CHECK(loaded->tls.certificate_chain == hub.tls.certificate_chain);
  CHECK(save_hub_identity(hub, hub_path).error().kind == ErrorKind::conflict);

  const auto node = *issue_credentials(hub, "client/alice", now);
  REQUIRE(save_credentials(node, node_path));
  const auto node_loaded = load_credentials(node_path);
  REQUIRE(node_loaded);
  CHECK(node_loaded->name == node.name);
  CHECK(node_loaded->hub_pins == node.hub_pins);
  CHECK(node_loaded->hub_cas == node.hub_cas);
  CHECK(node_loaded->hub_name == node.hub_name);
  CHECK(node_loaded->identity.key->public_key() == node.identity.key->public_key());
  CHECK(save_credentials(node, node_path).error().kind == ErrorKind::conflict);
  CHECK(std::distance(fs::directory_iterator(folder.path), fs::directory_iterator()) == 2);
}

TEST_CASE("credentials that do not fit together are refused on loading") {
  const Folder folder;
  const auto hub = *make_hub_identity("pool.example", now), other = *make_hub_identity("pool.example", now);
  const fs::path a = folder.path / "a", b = folder.path / "b";
  REQUIRE(save_hub_identity(hub, a));
  REQUIRE(save_hub_identity(other, b));
  for (const char* file : {"hub-1.key", "ca-1.key", "hub-1.pem", "ca-1.pem"}) {
    const fs::path mixed = folder.path / "mixed";
    fs::copy(a, mixed);
    fs::permissions(mixed, fs::perms(0700));
    fs::copy_file(b / file, mixed / file, fs::copy_options::overwrite_existing);
    INFO(file);
    const auto loaded = load_hub_identity(mixed);
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().kind == ErrorKind::corrupt);
    fs::remove_all(mixed);
  }
  CHECK(load_hub_identity(folder.path / "nothing").error().kind == ErrorKind::not_found);
  CHECK(load_credentials(folder.path / "nothing").error().kind == ErrorKind::not_found);
  CHECK_FALSE(fs::exists(folder.path / "nothing"));
}
