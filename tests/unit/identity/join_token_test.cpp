#include "identity/join_token.hpp"
#include "hostile.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace forgepool;
using namespace forgepool::identity;

TEST_CASE("a join token survives its text form") {
  const Digest pin = sha256("hub");
  const auto token = make_join_token(pin);
  const auto text = token.text();
  CHECK(text.starts_with("fpj1."));
  const auto again = parse_join_token(text);
  REQUIRE(again);
  CHECK(equal_in_constant_time(again->secret.view(), token.secret.view()));
  CHECK(again->hub_pin == pin);
  CHECK(make_join_token(pin).text() != text);
}

TEST_CASE("a join token made from given bytes is always the same") {
  CHECK(join_token_from({}, Digest{}).text() == "fpj1." + std::string(43, 'A') + "." + std::string(43, 'A'));
}

TEST_CASE("the stored hash recognises the secret and reveals nothing else") {
  const auto token = make_join_token(Digest{});
  const Digest hash = join_secret_hash(token.secret.view());
  CHECK(is_join_secret(token.secret.view(), hash));
  CHECK_FALSE(is_join_secret(make_join_token(Digest{}).secret.view(), hash));
  CHECK_FALSE(is_join_secret({}, hash));
  CHECK(hash != sha256(token.secret.view()));  // Under a label of its own.
}

TEST_CASE("damaged join tokens are refused or are other tokens, and no message repeats the secret") {
  const auto text = make_join_token(sha256("hub")).text();
  const auto original = *parse_join_token(text);
  test::for_each_damage(text, [&](const std::string& damaged) {
    const auto token = parse_join_token(damaged);
    if (!token) return token.error().message.find(text.substr(5, 20)) == std::string::npos;
    return !equal_in_constant_time(token->secret.view(), original.secret.view()) || token->hub_pin != original.hub_pin;
  });
  CHECK_FALSE(parse_join_token(""));
  CHECK_FALSE(parse_join_token("fpj2" + text.substr(4)));
}
