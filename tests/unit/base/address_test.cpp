#include <forgepool/address.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;

namespace {

std::string refusal(std::string_view text, std::optional<std::uint16_t> port = std::nullopt) {
  const auto address = parse_network_address(text, port);
  if (address) return "accepted as " + address->host + " port " + std::to_string(address->port);
  CHECK(address.error().kind == ErrorKind::invalid_input);
  return address.error().message;
}

}  // namespace

TEST_CASE("addresses of both families are read with their ports") {
  CHECK(parse_network_address("127.0.0.1:4433") == NetworkAddress{"127.0.0.1", 4433});
  CHECK(parse_network_address("[::1]:4433") == NetworkAddress{"::1", 4433});
  CHECK(parse_network_address("[2001:db8::ff00:42]:1") == NetworkAddress{"2001:db8::ff00:42", 1});
  CHECK(parse_network_address("[::]:65535") == NetworkAddress{"::", 65535});
}

TEST_CASE("with a default port, the port may be missing, and an IPv6 address needs no brackets") {
  CHECK(parse_network_address("0.0.0.0", 4433) == NetworkAddress{"0.0.0.0", 4433});
  CHECK(parse_network_address("::1", 4433) == NetworkAddress{"::1", 4433});
  CHECK(parse_network_address("[::1]", 4433) == NetworkAddress{"::1", 4433});
  CHECK(parse_network_address("[::1]:7", 4433) == NetworkAddress{"::1", 7});
}

TEST_CASE("an IPv6 address without brackets is never taken for a shorter one and a port") {
  CHECK(refusal("::1").find("[::1]:PORT") != std::string::npos);
  CHECK(refusal("2001:db8::1:4433").find("[2001:db8::1:4433]:PORT") != std::string::npos);
}

TEST_CASE("what is no address with a port is refused, and the message says what is expected") {
  for (const char* text :
       {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:44x", "127.0.0.1: 4", "127.0.0.1:-4",
        "[::1]", "[::1", "[::1]4433", "[127.0.0.1]:4433", "[]:4433", "hub.example:4433", ":4433", "1.2.3:4", "::1%lo:1"}) {
    CAPTURE(text);
    CHECK(refusal(text).find("expected") != std::string::npos);
  }
  CHECK(refusal("hub.example", 4433).find("names are not looked up") != std::string::npos);
}
