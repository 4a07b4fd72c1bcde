// openssl_mix PORT CERTIFICATE KEY
//
// One process, two TLS libraries with the same names: OpenSSL under libcurl and libpq, BoringSSL inside libforgepool. PORT is
// that of an HTTPS server whose certificate is CERTIFICATE. Each side works before, after and while the other one does.
#include "openssl_users.hpp"
#include "pool_node.hpp"
#include "postgres_peer.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <future>
#include <stdexcept>

namespace {

void expect(const std::string& text, const std::string& part, const char* who) {
  if (text.find(part) == std::string::npos)
    throw std::runtime_error(std::string(who) + ": expected \"" + part + "\" in \"" + text + "\"");
  std::printf("  %s: as expected\n", who);
}

struct Surroundings {
  std::uint16_t https_port;
  std::string certificate, key;
};

void use_openssl(const Surroundings& place) {
  mix::use_openssl_directly();
  expect(mix::get_with_curl(place.https_port, place.certificate), "s_server", "HTTPS with libcurl");
  const mix::PostgresPeer plain;
  expect(mix::refusal_of_postgres(plain.port()), "server does not support SSL, but SSL was required",
         "libpq with a server without TLS");
  const mix::PostgresPeer secure(place.certificate, place.key);
  expect(mix::refusal_of_postgres(secure.port()), mix::PostgresPeer::refusal, "libpq over TLS");
}

void use_forgepool() {
  expect(mix::make_and_check_signatures(), "P-256 Ed25519 signed and verified", "libforgepool's keys");
  expect(mix::ask_over_quic(), "/mix for spiffe://mix.example/client/one", "libforgepool over QUIC");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return std::fputs("usage: openssl_mix PORT CERTIFICATE KEY\n", stderr), 2;
  const Surroundings place{static_cast<std::uint16_t>(std::atoi(argv[1])), argv[2], argv[3]};
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  try {
    mix::prepare_openssl_users();
    std::puts("OpenSSL first");
    use_openssl(place);
    std::puts("then libforgepool");
    use_forgepool();
    std::puts("OpenSSL again");
    use_openssl(place);
    std::puts("both at once");
    auto others = std::async(std::launch::async, [&] {
      for (int round = 0; round < 5; ++round) use_openssl(place);
    });
    for (int round = 0; round < 5; ++round) use_forgepool();
    others.get();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "FAILED: %s\n", error.what());
    return 1;
  }
  std::puts("OpenSSL and libforgepool live in one process");
}
