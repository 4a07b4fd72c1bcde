// The list of certificates that the hub does not stand for any more, as those see it who check certificates without the hub.
// What other programs make of it: tests/interop/x509.
#include "crypto/x509.hpp"
#include "pool.hpp"

#include <algorithm>

using namespace forgepool;
using namespace forgepool::test;
using namespace std::chrono_literals;

namespace {

Bytes fetch(Pool& pool, std::uint32_t ca = 0, std::size_t organization = Pool::aurora) {
  const auto connection = pool.connect(pool.issue(organization, "operator"));
  const auto answer = must(pool.exchange(*connection, {"GET", "/v1/crl?ca=" + std::to_string(ca), "", {}}));
  REQUIRE(answer.status == 200);
  CHECK(answer.content_type == "application/pkix-crl");
  return answer.body;
}

std::size_t find(const Bytes& in, const Bytes& what, std::size_t from = 0) {
  return static_cast<std::size_t>(
      std::search(in.begin() + static_cast<std::ptrdiff_t>(std::min(from, in.size())), in.end(), what.begin(), what.end()) -
      in.begin());
}

/// The reason code that stands with the certificate's serial number; nothing if that is not in the list.
std::optional<int> reason_of(const Bytes& list, const Credentials& credentials) {
  const auto certificate = must(parse_certificate(credentials.identity.certificate_chain.front()));
  const auto at = find(list, certificate.serial);
  if (at == list.size()) return std::nullopt;
  // Serial number, date, and extensions with an ENUMERATED of one byte.
  const auto reason = find(list, {0x04, 0x03, 0x0a, 0x01}, at);
  REQUIRE(reason < at + 60);
  return list.at(reason + 4);
}

int number_of(const Bytes& list) {
  const auto at = find(list, {0x55, 0x1d, 0x14, 0x04, 0x03, 0x02, 0x01});
  REQUIRE(at < list.size());
  return list.at(at + 7);
}

void revoke(Pool& pool, const std::string& kind, const Credentials& credentials) {
  const std::string id = credentials.name.substr(credentials.name.find("/" + kind + "/") + kind.size() + 2);
  must(pool.call<std::uint32_t>([&](auto done) { pool.operator_of(Pool::aurora).revoke(kind, id, "a test", done); }));
}

Credentials enrol_client(Pool& pool, const std::string& project) {
  Invitation invitation;
  invitation.role = "client";
  invitation.project = project;
  return pool.enrol(pool.invite(Pool::aurora, invitation));
}

}  // namespace

TEST_CASE("the list names the certificates of revoked agents and clients, also after a restart, and of nobody else") {
  Pool pool;
  const auto agent = pool.enrol(pool.invite(Pool::aurora, {})), honest = pool.enrol(pool.invite(Pool::aurora, {}));
  const auto client = enrol_client(pool, ""), of_project = enrol_client(pool, "apollo"),
             colleague = enrol_client(pool, "apollo");
  // Each certificate that is still good counts, not only the last one.
  auto renewing = pool.client(client);
  const auto renewed = must(pool.call<Credentials>([&](auto done) { renewing->renew(done); }));
  const auto before = fetch(pool);
  for (const auto* one : {&agent, &honest, &client, &renewed, &of_project, &colleague}) CHECK_FALSE(reason_of(before, *one));

  revoke(pool, "agent", agent);
  revoke(pool, "client", client);
  revoke(pool, "client", of_project);
  for (int number = 2; number < 4; ++number) {
    const auto list = fetch(pool);
    CHECK(number_of(list) == number);
    for (const auto* one : {&agent, &client, &renewed, &of_project}) CHECK(reason_of(list, *one) == 9);
    for (const auto* one : {&honest, &colleague}) CHECK_FALSE(reason_of(list, *one));
    CHECK_FALSE(reason_of(fetch(pool, 0, Pool::borealis), agent));
    pool.restart_hub();
  }
}

TEST_CASE("an agent in quarantine is on hold in the list") {
  Pool pool;
  const auto start = [&](const std::string& code) {
    return pool.start_agent_with(
        pool.enrol(pool.invite(Pool::aurora, {})), 10ms,
        R"({"format":"concat/1","items":[{"code":)" + code + R"(,"index":0,"outcome":"exited","stdout":""}]})");
  };
  const auto liar = start("1"), first = start("0");
  auto client = pool.client(pool.issue(Pool::aurora, "client/alice"));
  const Bytes program = to_bytes("a program"), item = to_bytes("an item");
  for (const auto* input : {&program, &item}) must(pool.call<Digest>([&](auto done) { client->upload(*input, done); }));
  const std::string contract = R"({"op":{"name":"exec","version":"1","profile":"run.v1"},"args":{"program":")" +
                               sha256(program).str() + R"(","items":[")" + sha256(item).str() +
                               R"("]},"policy":{"verify":"full","replicas":2}})";
  const auto job = must(pool.call<JobStatus>([&](auto done) { client->submit(contract, done); })).id;
  // The two disagree; a third one decides.
  REQUIRE(pool.loop.run_until([&] { return liar->agent->statistics().shards == 1 && first->agent->statistics().shards == 1; },
                              1min));
  const auto second = start("0");
  must(pool.call<JobStatus>([&](auto done) { client->wait(job, nullptr, done); }));
  for (int round = 0; round < 2; ++round) {
    const auto list = fetch(pool);
    CHECK(reason_of(list, liar->credentials) == 6);
    for (const auto* honest : {&first, &second}) CHECK_FALSE(reason_of(list, (*honest)->credentials));
    if (round == 0) pool.restart_hub();
  }
  revoke(pool, "agent", liar->credentials);
  CHECK(reason_of(fetch(pool), liar->credentials) == 9);
}

TEST_CASE(
    "what was revoked stays in the list past its end, and is forgotten in the end; what was not is forgotten at its end") {
  Pool pool;
  const auto bad = pool.enrol(pool.invite(Pool::aurora, {})), good = pool.enrol(pool.invite(Pool::aurora, {}));
  revoke(pool, "agent", bad);
  const auto kept = [&] {
    std::size_t records = 0;
    must(pool.home(Pool::aurora)
             .ledger->scan("certificate/", [&](std::string_view, ByteView) { return ++records, true; })
             .map([] { return true; }));
    return records;
  };
  CHECK(kept() == 2);
  pool.loop.advance(2h);  // Certificates live an hour.
  CHECK(reason_of(fetch(pool), bad) == 9);
  CHECK(kept() == 1);
  pool.restart_hub();
  pool.loop.advance(20h);
  CHECK(reason_of(fetch(pool), bad) == 9);
  pool.loop.advance(8h);
  CHECK_FALSE(reason_of(fetch(pool), bad));
  CHECK(kept() == 0);
}

TEST_CASE("each CA has a list of what it issued itself, signed with its own key") {
  Pool pool;
  const auto old = pool.enrol(pool.invite(Pool::aurora, {}));
  must(pool.call<RotatedKey>([&](auto done) { pool.operator_of(Pool::aurora).rotate_key(KeyPurpose::ca, done); }));
  const auto young = pool.enrol(pool.invite(Pool::aurora, {}));
  revoke(pool, "agent", old);
  revoke(pool, "agent", young);
  CHECK(reason_of(fetch(pool, 1), old) == 9);
  CHECK_FALSE(reason_of(fetch(pool, 1), young));
  for (const std::uint32_t current : {0u, 2u}) {
    CHECK(reason_of(fetch(pool, current), young) == 9);
    CHECK_FALSE(reason_of(fetch(pool, current), old));
  }
  for (const std::uint32_t none : {3u, 0xffffffffu}) {
    const auto refused = pool.call<std::string>([&](auto done) { pool.operator_of(Pool::aurora).revocation_list(none, done); });
    CHECK(refused.error().kind == ErrorKind::not_found);
  }
}
