// What a host program does first with libforgepool: a loop, a pool's identity, a signature, a contract with a mistake in it.
#include <forgepool/contract.hpp>
#include <forgepool/credentials.hpp>
#include <forgepool/defaults.hpp>
#include <forgepool/event_loop.hpp>
#include <forgepool/keys.hpp>

#include <cstdio>
#include <cstdlib>

namespace {

[[noreturn]] void give_up(const char* what, const std::string& why) {
  std::fprintf(stderr, "consumer: %s: %s\n", what, why.c_str());
  std::exit(1);
}

template <class T>
T expect(forgepool::Result<T> result, const char* what) {
  if (!result) give_up(what, result.error().message);
  return std::move(*result);
}

void signatures(const forgepool::HubIdentity& hub) {
  const auto message = forgepool::as_bytes("what was computed, by whom, on which input");
  const auto signature = expect(hub.tls.key->sign(message), "sign");
  if (!forgepool::verify_signature(hub.tls.key->public_key(), message, signature))
    give_up("verify", "a good signature was refused");
  if (forgepool::verify_signature(hub.log_key->public_key(), message, signature))
    give_up("verify", "another key's signature was accepted");
  if (hub.pin() != hub.tls.key->public_key().pin()) give_up("pin", "it is not that of the hub's key");
}

void contracts() {
  const auto refused = forgepool::parse_contract(
      R"({"op": {"name": "mc", "version": "1", "profile": "insurance.v1"}, "args": {}, "policy": {"replicas": 0}})");
  if (refused) give_up("contract", "0 replicas were accepted");
  if (refused.error().kind != forgepool::ErrorKind::invalid_input || !refused.error().message.starts_with("/policy/replicas"))
    give_up("contract", "the error does not name the place: " + refused.error().message);
  std::printf("consumer: refused as it should be: %s\n", refused.error().message.c_str());
}

}  // namespace

int main() {
  const auto loop = forgepool::make_event_loop();
  bool ran = false;
  loop->post([&] {
    const auto hub = expect(forgepool::make_hub_identity("consumer.example", loop->now()), "make_hub_identity");
    const auto client = expect(forgepool::issue_credentials(hub, "client/one", loop->now()), "issue_credentials");
    std::printf("consumer: made a pool and %s\n", client.name.c_str());
    signatures(hub);
    contracts();
    loop->run_blocking([&] { ran = true; }, [&] { loop->stop(); });
  });
  if (!loop->run_for(std::chrono::seconds(60)) || !ran) give_up("event loop", "it did not stop when asked to");
  std::puts("consumer: all as expected");
}
