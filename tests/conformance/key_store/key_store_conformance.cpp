// What every key store promises (forgepool/key_store.hpp), and what those that keep keys elsewhere promise besides.
#include "backends.hpp"

#include <forgepool/backends/pkcs11_key_store.hpp>
#include <forgepool/credentials.hpp>

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <thread>

using namespace forgepool;
using forgepool::testing::Backend;
using forgepool::testing::Folder;

namespace {

constexpr Time now = Time(std::chrono::seconds(1'800'000'000));

template <class Use>
void on_each(const Use& use) {
  const Folder folder;
  std::string skipped;
  for (Backend& backend : testing::make_backends(folder, skipped)) {
    CAPTURE(backend.name);
    use(backend);
  }
  if (!skipped.empty()) WARN("not run on " + skipped);
}

template <class T>
T need(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}

}  // namespace

TEST_CASE("a store makes keys of the algorithm and the next epoch of their purpose, and signs with them") {
  on_each([](Backend& backend) {
    KeyStore& store = *backend.store;
    for (const auto purpose :
         {KeyPurpose::ca, KeyPurpose::hub, KeyPurpose::token, KeyPurpose::log, KeyPurpose::node, KeyPurpose::content}) {
      const auto first = need(store.generate(purpose, now)),
                 second = need(store.generate(purpose, now + std::chrono::hours(1)));
      CHECK(first.id == KeyId{purpose, 1});
      CHECK(second.id == KeyId{purpose, 2});
      CHECK(first.key.algorithm == algorithm_of(purpose));
      CHECK(first.key != second.key);
      CHECK(second.made == now + std::chrono::hours(1));
      for (const auto& info : {first, second}) {
        const auto signer = need(store.signer(info.id));
        CHECK(signer->public_key() == info.key);
        for (const std::string message :
             {"", "m", "a longer message that does not fit one block of the hash function, surely not"})
          CHECK(verify_signature(info.key, as_bytes(message), need(signer->sign(as_bytes(message)))));
      }
    }
    CHECK(store.signer({KeyPurpose::token, 3}).error().kind == ErrorKind::not_found);
  });
}

TEST_CASE("keys and texts are there again when the store is opened anew") {
  on_each([](Backend& backend) {
    if (!backend.reopen) return;
    const auto token = need(backend.store->generate(KeyPurpose::token, now));
    const auto ca = need(backend.store->generate(KeyPurpose::ca, now));
    REQUIRE(backend.store->put_text("ca-1.pem", "text\n"));
    backend.store.reset();
    const auto store = backend.reopen();
    CHECK(need(store->keys()) == std::vector{ca, token});
    CHECK(need(store->signer(ca.id))->public_key() == ca.key);
    CHECK(store->text("ca-1.pem") == "text\n");
    CHECK(need(store->generate(KeyPurpose::token, now)).id.epoch == 2);
  });
}

TEST_CASE("an epoch that was destroyed is gone, and not given to another key") {
  on_each([](Backend& backend) {
    KeyStore& store = *backend.store;
    for (int i = 0; i < 3; ++i) need(store.generate(KeyPurpose::log, now));
    REQUIRE(store.destroy({KeyPurpose::log, 3}));
    REQUIRE(store.destroy({KeyPurpose::log, 1}));
    CHECK(store.destroy({KeyPurpose::log, 1}).error().kind == ErrorKind::not_found);
    CHECK(store.signer({KeyPurpose::log, 1}).error().kind == ErrorKind::not_found);
    const auto left = need(store.keys());
    REQUIRE(left.size() == 1);
    CHECK(left.front().id.epoch == 2);
    CHECK(need(store.generate(KeyPurpose::log, now)).id.epoch == 4);
  });
}

TEST_CASE("a key made elsewhere is kept, or refused by stores whose keys are their own") {
  on_each([](Backend& backend) {
    const auto made = need(generate_key(KeyAlgorithm::ecdsa_p256));
    const auto kept = backend.store->adopt(KeyPurpose::node, made, now);
    if (!backend.adopts) {
      CHECK(kept.error().kind == ErrorKind::unsupported);
      CHECK(need(backend.store->keys()).empty());
      return;
    }
    CHECK(need(kept).key == made->public_key());
    CHECK(need(backend.store->signer({KeyPurpose::node, 1}))->public_key() == made->public_key());
    CHECK(backend.store->adopt(KeyPurpose::token, made, now).error().kind == ErrorKind::invalid_input);
    CHECK(backend.store->adopt(KeyPurpose::node, nullptr, now).error().kind == ErrorKind::invalid_input);
  });
}

TEST_CASE("a text is put once, replaced whole, and has a name that can be a file's and is no key's") {
  on_each([](Backend& backend) {
    KeyStore& store = *backend.store;
    REQUIRE(store.put_text("hub-1.pem", "one"));
    CHECK(store.put_text("hub-1.pem", "two").error().kind == ErrorKind::conflict);
    CHECK(store.text("hub-1.pem") == "one");
    for (const std::string text : {"two", "", "three\nlines\n"}) {
      REQUIRE(store.replace_text("hub-1.pem", text));
      CHECK(store.text("hub-1.pem") == text);
    }
    REQUIRE(store.replace_text("hub-1.pem2", "another"));
    CHECK(store.text("hub-1.pem") == "three\nlines\n");
    CHECK(store.text("missing").error().kind == ErrorKind::not_found);
    for (const char* bad : {"", "../x", "a/b", ".hidden", "token-1.key", "token-1.destroyed"}) {
      CHECK(store.put_text(bad, "x").error().kind == ErrorKind::invalid_input);
      CHECK(store.replace_text(bad, "x").error().kind == ErrorKind::invalid_input);
      CHECK(store.text(bad).error().kind == ErrorKind::invalid_input);
    }
  });
}

TEST_CASE("a store and its signers are used from several threads") {
  on_each([](Backend& backend) {
    const auto info = need(backend.store->generate(KeyPurpose::log, now));
    const auto signer = need(backend.store->signer(info.id));
    std::atomic<int> good = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 20; ++i) {
          const std::string message = std::to_string(t) + "/" + std::to_string(i);
          const auto signature = signer->sign(as_bytes(message));
          if (signature && verify_signature(info.key, as_bytes(message), *signature) && backend.store->keys()) ++good;
        }
      });
    for (auto& thread : threads) thread.join();
    CHECK(good == 80);
  });
}

TEST_CASE("an organization's identity is made in any store, found again, and rotated without losing what went before") {
  on_each([](Backend& backend) {
    std::shared_ptr<KeyStore> store = std::move(backend.store);
    auto hub = need(make_hub_identity("pool.example", store, now));
    CHECK(make_hub_identity("pool.example", store, now).error().kind == ErrorKind::conflict);
    const auto member = need(issue_credentials(hub, "client/alice", now));
    CHECK(member.hub_pins == hub.pins());
    REQUIRE(hub.pins().size() == 2);

    for (const auto purpose : {KeyPurpose::ca, KeyPurpose::hub, KeyPurpose::token, KeyPurpose::log})
      REQUIRE(rotate_key(hub, purpose, now + std::chrono::hours(1)));
    // What comes next was pinned before it was used.
    CHECK(hub.pin() == member.hub_pins.back());
    CHECK(hub.earlier_cas.size() == 1);
    CHECK(hub.earlier_token_keys.size() == 1);

    if (backend.reopen) store = backend.reopen();
    const auto again = need(open_hub_identity(store, now + std::chrono::hours(2)));
    CHECK(again.trust_domain == "pool.example");
    CHECK(again.pins() == hub.pins());
    CHECK(again.ca_certificate == hub.ca_certificate);
    CHECK(again.token_key->public_key() == hub.token_key->public_key());
    CHECK(again.log_key->public_key() == hub.log_key->public_key());
    CHECK(again.epochs.ca == 2);
    CHECK(again.epochs.hub == 2);
    REQUIRE(again.earlier_cas.size() == 1);
    CHECK(again.earlier_cas.front().certificate == hub.earlier_cas.front().certificate);
    CHECK(again.earlier_cas.front().until == hub.earlier_cas.front().until);
    CHECK(again.earlier_hub_keys.front().public_key == hub.earlier_hub_keys.front().public_key);
    CHECK(again.earlier_token_keys.front().until == hub.earlier_token_keys.front().until);
    CHECK(make_trusted_root(again) == make_trusted_root(hub));
    CHECK(store->text("root.json") == make_trusted_root(hub));
  });
}

TEST_CASE("the key behind a signer of a PKCS#11 token is not to be had, and wrong words do not open the token") {
  const Folder folder;
  const auto [module, label] = testing::take_token();
  if (module.empty()) SKIP("no SoftHSM here");
  // Before the right one: PKCS#11 logs in a whole process, and asks no more then.
  CHECK(open_pkcs11_key_store({module, label, "4321"}).error().kind == ErrorKind::denied);
  auto store = need(open_pkcs11_key_store({module, label, "1234"}));
  const auto info = need(store->generate(KeyPurpose::token, now));
  const auto signer = need(store->signer(info.id));
  // Files want the key itself, and there is no way to it.
  HubIdentity hub = need(make_hub_identity("pool.example", now));
  hub.token_key = signer;
  CHECK(save_hub_identity(hub, folder.path / "hub").error().kind == ErrorKind::unsupported);

  CHECK(open_pkcs11_key_store({module, "no such token", "1234"}).error().kind == ErrorKind::not_found);
  CHECK(open_pkcs11_key_store({"/nowhere/module.so", label, "1234"}).error().kind == ErrorKind::not_found);
}
