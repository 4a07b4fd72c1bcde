// Whose ledger a hub opens with: in another one's, no bundle would ever verify.
#include "../support/hub_parts.hpp"

#include <forgepool/backends/duplication_verifier.hpp>
#include <forgepool/backends/fair_share_scheduler.hpp>
#include <forgepool/backends/memory_ledger.hpp>
#include <forgepool/backends/memory_transport.hpp>
#include <forgepool/hub.hpp>
#include <forgepool/testing/virtual_event_loop.hpp>

using namespace forgepool;
using namespace forgepool::test;

namespace {

struct Opening {
  testing::VirtualEventLoop loop;
  HubIdentity own = must(make_hub_identity("own.test", loop.now())), other = must(make_hub_identity("other.test", loop.now()));

  std::unique_ptr<Ledger> ledger(const std::string& origin, const HubIdentity& signer) {
    return must(make_memory_ledger(origin, signer.log_key));
  }
  Result<std::unique_ptr<Hub>> open(std::unique_ptr<Ledger> of_own, std::unique_ptr<Ledger> of_other) {
    HubParts parts;
    parts.transport = make_memory_transport(loop, make_memory_network(), nullptr);
    parts.scheduler = make_fair_share_scheduler();
    parts.verifier = make_duplication_verifier();
    parts.ledger = std::move(of_own);
    OrganizationParts organization{"other", other, make_fair_share_scheduler(), make_duplication_verifier(),
                                   std::move(of_other)};
    parts.organizations.push_back(std::move(organization));
    return open_hub(loop, own, std::move(parts));
  }
};

void refused(const Result<std::unique_ptr<Hub>>& hub, std::string_view why) {
  REQUIRE_FALSE(hub);
  INFO(hub.error().message);
  CHECK(hub.error().kind == ErrorKind::invalid_input);
  CHECK(hub.error().message.find(why) != std::string::npos);
}

}  // namespace

TEST_CASE("a hub opens with ledgers of its organizations' names and keys, and with no others") {
  Opening pool;
  CHECK(pool.open(pool.ledger("own.test", pool.own), pool.ledger("other.test", pool.other)));
  refused(pool.open(pool.ledger("elsewhere.test", pool.own), pool.ledger("other.test", pool.other)),
          "the log of \"elsewhere.test\"");
  refused(pool.open(pool.ledger("own.test", pool.other), pool.ledger("other.test", pool.other)), "signs with another key");
  refused(pool.open(pool.ledger("own.test", pool.own), pool.ledger("own.test", pool.other)),
          "organization \"other\": the ledger is the log of \"own.test\"");
  refused(pool.open(pool.ledger("own.test", pool.own), pool.ledger("other.test", pool.own)),
          "organization \"other\": the ledger of other.test signs with another key");
}
